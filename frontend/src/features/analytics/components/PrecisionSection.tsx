import { Group, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import type { PrecisionRow } from "../api/types";
import {
  inPercent,
  intervalOf,
  lowestAbove,
  measureWord,
  numberOf,
  reasonFinder,
  scopeWord,
} from "../lib/numbers";
import { Figures, type SectionProps } from "./Figures";
import { ReportTable, Value } from "./ReportTable";

const GROUPS = [
  { value: "P", label: "Precision", of: (measure: string) => measure.startsWith("P@") },
  { value: "nDCG", label: "nDCG", of: (measure: string) => measure.startsWith("nDCG@") },
  { value: "whole", label: "Whole lists", of: (measure: string) => !measure.includes("@") },
] as const;

/** Agreement between people and methods: a row for each method, as in the paper's table 4. */
export function PrecisionSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const rows = report.precision;
  const categories = [...new Set(rows.map(({ category }) => category))];
  const [asked, setCategory] = useState<string | null>(null);
  const [group, setGroup] = useState<string>("P");
  if (rows.length === 0) {
    return (
      <EmptyState title="No precision yet">
        Precision needs rankings and judgments: build the pools and judge them first.
      </EmptyState>
    );
  }
  const category = asked ?? (categories.includes("all") ? "all" : (categories[0] ?? ""));
  const chosen = GROUPS.find(({ value }) => value === group) ?? GROUPS[0];
  const shown = rows.filter((row) => row.category === category && chosen.of(row.measure));
  const measures = [...new Set(shown.map(({ measure }) => measure))];
  const byMethod = new Map<string, Map<string, PrecisionRow>>();
  for (const row of shown) {
    const known = byMethod.get(row.method) ?? new Map<string, PrecisionRow>();
    byMethod.set(row.method, known.set(row.measure, row));
  }
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        Of the first N results of a method, the share that people find similar in content (consensus
        level {lowestAbove(report.study.relevance, report.study.scale)} or above). What nobody
        judged counts as not relevant: see the judged share.
      </Text>
      <Figures slug={slug} report={report} section="precision" table="precision" />
      <Stack gap="sm">
        <Group gap="sm">
          <Select
            aria-label="Category"
            data={categories.map((value) => ({ value, label: scopeWord(value) }))}
            value={category}
            onChange={setCategory}
            allowDeselect={false}
            w={220}
          />
          <SegmentedControl
            aria-label="Measures"
            data={GROUPS.map(({ value, label }) => ({ value, label }))}
            value={group}
            onChange={setGroup}
          />
        </Group>
        <ReportTable
          study={slug}
          name="precision"
          title="Precision of the methods"
          rows={[...byMethod]}
          keyOf={([method]) => method}
          columns={[
            { title: "Method", cell: ([method]) => method },
            ...measures.map((measure) => ({
              title: `${measureWord(measure)}, %`,
              number: true,
              cell: ([, cells]: [string, Map<string, PrecisionRow>]) => {
                const row = cells.get(measure);
                return row && <Cell row={row} why={why} />;
              },
            })),
          ]}
        />
        <Text size="sm" c="dimmed">
          Means over {shown[0]?.n_queries ?? 0} judged queries; below each its 95 % interval and,
          where it is not all of them, the share of results that were judged.
        </Text>
      </Stack>
    </Stack>
  );
}

function Cell({ row, why }: { row: PrecisionRow; why: ReturnType<typeof reasonFinder> }) {
  const [family, scope, param] = atOf(row);
  if (row.value === null) return <Value text="n/a" reason={why(family, scope, param)} />;
  return (
    <>
      {numberOf(row.value, row.measure)}
      <Text size="xs" c="dimmed">
        <Value
          text={intervalOf(row.ci_low, row.ci_high, row.measure)}
          reason={why(`${family}_ci`, scope, `${param}:low`)}
        />
      </Text>
      {row.judged !== null && row.judged < 1 && (
        <Text size="xs" c="dimmed">
          {inPercent(row.judged)} judged
        </Text>
      )}
    </>
  );
}

/** "P@5" of method m -> family P, param m@5: the names of values.csv. */
function atOf({ measure, category, method }: PrecisionRow): [string, string, string] {
  const [family = measure, cutoff] = measure.split("@");
  return [family, category, cutoff === undefined ? method : `${method}@${cutoff}`];
}
