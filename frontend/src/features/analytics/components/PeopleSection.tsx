import { Group, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import { count } from "@/lib/format";
import {
  cutWord,
  EXACT,
  intervalOf,
  measureWord,
  numberOf,
  pairReason,
  reasonFinder,
  scopeWord,
} from "../lib/numbers";
import { Figures, type SectionProps } from "./Figures";
import { FEW, PairMatrix } from "./PairMatrix";
import { ReportTable, Value } from "./ReportTable";

/** Every two assessors of a category, by a measure and a cut. */
export function PeopleSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const [askedCategory, setCategory] = useState<string | null>(null);
  const [askedMeasure, setMeasure] = useState("maa");
  const [askedCut, setCut] = useState("12-345");
  const all = report.assessor_pairs;
  if (all.length === 0) {
    return (
      <EmptyState title="No two assessors share a pair yet">
        Once two assessors of a category have judged the same pairs, their agreement stands here.
      </EmptyState>
    );
  }
  const categories = [...new Set(all.map(({ category }) => category))];
  const measures = [...new Set(all.map(({ measure }) => measure))];
  const category = askedCategory ?? categories[0] ?? "all";
  const measure = measures.includes(askedMeasure) ? askedMeasure : (measures[0] ?? "maa");
  const cuts = [
    ...new Set(all.filter((row) => row.measure === measure).map((row) => row.aggregation)),
  ];
  const cut = cuts.includes(askedCut) ? askedCut : (cuts[cuts.length - 1] ?? EXACT);
  const rows = all.filter(
    (row) => row.category === category && row.measure === measure && row.aggregation === cut,
  );
  const word = measureWord(measure);
  return (
    <Stack gap="xl">
      <Figures slug={slug} report={report} section="people" table="assessor_pairs" />
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
          <Select
            aria-label="Measure"
            data={measures.map((value) => ({ value, label: measureWord(value) }))}
            value={measure}
            onChange={(value) => setMeasure(value ?? "maa")}
            allowDeselect={false}
            w={240}
          />
          {cuts.length > 1 && (
            <SegmentedControl
              aria-label="Cut"
              data={cuts.map((value) => ({ value, label: cutWord(value) }))}
              value={cut}
              onChange={setCut}
            />
          )}
        </Group>
        <PairMatrix rows={rows} reasonOf={(row) => pairReason(why, row)} />
        <Text size="sm" c="dimmed">
          {measure === "maa"
            ? "Agreement in percent"
            : `${word}: 1 is perfect, 0 is chance or no relation`}
          ; n is the number of pairs that both judged. Cells with fewer than {FEW} are hatched.
        </Text>
      </Stack>
      <ReportTable
        study={slug}
        name="assessor_pairs"
        title="Assessor pairs"
        rows={rows}
        keyOf={(row) => [row.assessor_a, row.assessor_b].join("|")}
        columns={[
          { title: "Assessors", cell: (row) => `${row.assessor_a} and ${row.assessor_b}` },
          {
            title: measure === "maa" ? "Agreement, %" : word,
            number: true,
            cell: (row) => (
              <Value text={numberOf(row.value, row.measure)} reason={pairReason(why, row)} />
            ),
          },
          {
            title: "95 % interval",
            number: true,
            cell: (row) => (
              <Value
                text={intervalOf(row.ci_low, row.ci_high, row.measure)}
                reason={pairReason(why, row, "low")}
              />
            ),
          },
          { title: "Judged by both", number: true, cell: (row) => count(row.n_items) },
        ]}
      />
    </Stack>
  );
}
