import type { Report } from "../api/types";
import { Figure } from "./Figure";

export interface SectionProps {
  slug: string;
  report: Report;
}

interface FiguresProps extends SectionProps {
  /** Those of a section, in the server's order, or those of these names. */
  section?: string;
  names?: readonly string[];
  table?: string;
}

/** The figures that belong to a part of the report. */
export function Figures({ slug, report, section, names, table }: FiguresProps) {
  const figures = report.figures.filter(
    (figure) => figure.section === section || names?.includes(figure.name),
  );
  return figures.map((figure) => (
    <Figure key={figure.name} study={slug} name={report.study.name} figure={figure} table={table} />
  ));
}
