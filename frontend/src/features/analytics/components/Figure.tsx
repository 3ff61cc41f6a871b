import { ActionIcon, Menu, Skeleton, Text } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import { lazy, Suspense } from "react";
import { figureUrl, tableUrl } from "../api/get-report";
import type { ReportFigure } from "../api/types";
import { subtitleOf } from "../lib/figures";
import classes from "./Figure.module.css";

const Plot = lazy(async () => ({ default: (await import("./Plot")).Plot }));

interface Props {
  study: string;
  /** Of the study: figures repeat it for readers who see only the file. */
  name: string;
  figure: ReportFigure;
  /** The table that holds the figure's numbers. */
  table?: string;
}

/** A figure with its title and the ways to take it away. */
export function Figure({ study, name, figure, table }: Props) {
  const files = [
    { format: "svg", label: "SVG" },
    { format: "png", label: "PNG" },
    { format: "pdf", label: "PDF" },
  ];
  return (
    <figure className={classes.figure}>
      <div className={classes.head}>
        <figcaption>
          <Text fw={600}>{figure.title}</Text>
          {subtitleOf(figure.spec)
            .filter((line) => !line.startsWith(name))
            .map((line) => (
              <Text key={line} size="sm" c="dimmed">
                {line}
              </Text>
            ))}
        </figcaption>
        <Menu position="bottom-end">
          <Menu.Target>
            <ActionIcon
              variant="subtle"
              color="gray"
              aria-label={`Download the figure: ${figure.title}`}
            >
              <IconDownload size={17} aria-hidden />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            {files.map(({ format, label }) => (
              <Menu.Item
                key={format}
                component="a"
                href={figureUrl(study, figure.name, format)}
                download={`${study}-${figure.name}.${format}`}
              >
                {label}
              </Menu.Item>
            ))}
            <Menu.Divider />
            {table && (
              <Menu.Item
                component="a"
                href={tableUrl(study, table, "csv")}
                download={`${study}-${table}.csv`}
              >
                Data (CSV)
              </Menu.Item>
            )}
            <Menu.Item
              component="a"
              href={figureUrl(study, figure.name, "vl.json")}
              download={`${study}-${figure.name}.vl.json`}
            >
              Specification (Vega-Lite)
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </div>
      <Suspense fallback={<Skeleton height={240} />}>
        <Plot figure={figure} />
      </Suspense>
    </figure>
  );
}
