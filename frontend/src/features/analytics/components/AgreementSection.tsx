import { SegmentedControl, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import { count } from "@/lib/format";
import type { AgreementRow } from "../api/types";
import {
  cutWord,
  EXACT,
  intervalOf,
  measureWord,
  numberOf,
  paramOf,
  reasonFinder,
  scopeWord,
} from "../lib/numbers";
import { Figures, type SectionProps } from "./Figures";
import { ReportTable, Value } from "./ReportTable";

/** Agreement between people: how often two agree, and how far that is beyond chance. */
export function AgreementSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  if (report.agreement.length === 0) {
    return (
      <EmptyState title="No agreement yet">The study has no category with queries.</EmptyState>
    );
  }
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        Of all pairs of ratings that two assessors gave the same image, the share that falls on the
        same side of the cut. The cut {cutWord(report.study.relevance)} decides what is relevant.
      </Text>
      <Figures slug={slug} report={report} section="agreement" table="agreement" />
      <ReportTable
        study={slug}
        name="agreement"
        title="How often two assessors agree"
        rows={report.agreement.filter(({ measure }) => measure === "maa")}
        keyOf={(row) => [row.category, row.aggregation].join("|")}
        columns={[
          { title: "Category", cell: (row) => scopeWord(row.category) },
          { title: "Cut", cell: (row) => cutWord(row.aggregation) },
          {
            title: "Agreement, %",
            number: true,
            cell: (row) => (
              <Value
                text={numberOf(row.value, row.measure)}
                reason={why(row.measure, row.category, row.aggregation)}
              />
            ),
          },
          {
            title: "95 % interval",
            number: true,
            cell: (row) => (
              <Value
                text={intervalOf(row.ci_low, row.ci_high, row.measure)}
                reason={why("maa_ci", row.category, `${row.aggregation}:low`)}
              />
            ),
          },
          {
            title: "SD over queries",
            number: true,
            cell: (row) => (
              <Value
                text={numberOf(row.sd, row.measure)}
                reason={why("maa_std", row.category, row.aggregation)}
              />
            ),
          },
          { title: "Items", number: true, cell: (row) => count(row.n_items) },
          { title: "Rating pairs", number: true, cell: (row) => count(row.n_pairs) },
        ]}
      />
      <BeyondChance slug={slug} report={report} />
    </Stack>
  );
}

/** Coefficients side by side: a row each, a column for every category. */
function BeyondChance({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const rows = report.agreement.filter(({ measure }) => measure !== "maa");
  const cuts = [...new Set(rows.map(({ aggregation }) => aggregation))];
  const [asked, setCut] = useState(EXACT);
  const cut = cuts.includes(asked) ? asked : (cuts[0] ?? EXACT);
  const shown = rows.filter(({ aggregation }) => aggregation === cut);
  const categories = [...new Set(shown.map(({ category }) => category))];
  const byMeasure = new Map<string, Map<string, AgreementRow>>();
  for (const row of shown) {
    const known = byMeasure.get(row.measure) ?? new Map<string, AgreementRow>();
    byMeasure.set(row.measure, known.set(row.category, row));
  }
  if (rows.length === 0) return null;
  return (
    <Stack gap="sm">
      <Text size="sm" c="dimmed" maw="75ch">
        How far people agree beyond what chance would give: 1 is perfect, 0 is chance. Chance means
        something else to each coefficient, so they stand side by side. Kappa and rank correlations
        are means over pairs of assessors; below each, its 95 % interval over queries.
      </Text>
      <SegmentedControl
        aria-label="Levels"
        data={cuts.map((value) => ({
          value,
          label: value === EXACT ? "all levels" : cutWord(value),
        }))}
        value={cut}
        onChange={setCut}
        style={{ alignSelf: "flex-start" }}
      />
      <ReportTable
        study={slug}
        title="Agreement beyond chance"
        rows={[...byMeasure]}
        keyOf={([measure]) => measure}
        columns={[
          { title: "Coefficient", cell: ([measure]) => measureWord(measure) },
          ...categories.map((category) => ({
            title: scopeWord(category),
            number: true,
            cell: ([measure, cells]: [string, Map<string, AgreementRow>]) => {
              const row = cells.get(category);
              if (!row) {
                return (
                  <Value
                    text="n/a"
                    reason="It compares the assessors of one category: see the categories."
                  />
                );
              }
              const param = paramOf(measure, cut);
              return (
                <>
                  <Value
                    text={numberOf(row.value, measure)}
                    reason={why(measure, category, param)}
                  />
                  {row.value !== null && (
                    <Text size="xs" c="dimmed">
                      <Value
                        text={intervalOf(row.ci_low, row.ci_high, measure)}
                        reason={why(`${measure}_ci`, category, param ? `${param}:low` : "low")}
                      />
                    </Text>
                  )}
                </>
              );
            },
          })),
        ]}
      />
    </Stack>
  );
}
