import { Button, Group, Table, Title, Tooltip } from "@mantine/core";
import { IconDownload } from "@tabler/icons-react";
import type { ReactNode } from "react";
import { TableScroll } from "@/components/ui";
import { tableUrl } from "../api/get-report";

export interface Column<Row> {
  title: ReactNode;
  /** Numbers stand at the right. */
  number?: boolean;
  cell: (row: Row) => ReactNode;
}

interface Props<Row> {
  study: string;
  /** The file that holds the whole table; left out where no file has it. */
  name?: string;
  title: string;
  rows: readonly Row[];
  columns: readonly Column<Row>[];
  keyOf: (row: Row) => string;
}

/** Numbers in rows, with the whole table as files. */
export function ReportTable<Row>({ study, name, title, rows, columns, keyOf }: Props<Row>) {
  return (
    <section>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h4">
          {title}
        </Title>
        {name !== undefined && (
          <Group gap={6}>
            {(["csv", "tex"] as const).map((format) => (
              <Button
                key={format}
                component="a"
                href={tableUrl(study, name, format)}
                download={`${study}-${name}.${format}`}
                size="compact-sm"
                variant="subtle"
                color="gray"
                leftSection={<IconDownload size={14} aria-hidden />}
                aria-label={`${title} as ${format === "csv" ? "CSV" : "LaTeX"}`}
              >
                {format === "csv" ? "CSV" : "LaTeX"}
              </Button>
            ))}
          </Group>
        )}
      </Group>
      {/* Long tables scroll in themselves, so that their heads stay in view. */}
      <TableScroll label={title} minWidth={480} {...(rows.length > 40 && { maxHeight: 640 })}>
        <Table stickyHeader={rows.length > 40} className="tabular">
          <Table.Thead>
            <Table.Tr>
              {columns.map((column, index) => (
                <Table.Th key={index} ta={column.number ? "right" : undefined}>
                  {column.title}
                </Table.Th>
              ))}
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={keyOf(row)}>
                {columns.map((column, index) => (
                  <Table.Td key={index} ta={column.number ? "right" : undefined}>
                    {column.cell(row)}
                  </Table.Td>
                ))}
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
    </section>
  );
}

/** A number, or n/a with the reason on hover and on focus. */
export function Value({ text, reason }: { text: string; reason: string }) {
  if (text !== "n/a") return <>{text}</>;
  return (
    <Tooltip label={reason} events={{ hover: true, focus: true, touch: true }} multiline maw={320}>
      <span tabIndex={0} style={{ color: "var(--quiet)", cursor: "help" }}>
        n/a
      </span>
    </Tooltip>
  );
}
