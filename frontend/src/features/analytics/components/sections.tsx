import { Group, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import { count, counted, percent } from "@/lib/format";
import type { Report } from "../api/types";
import {
  cutWord,
  inPercent,
  intervalOf,
  measureWord,
  numberOf,
  reasonFinder,
  scopeWord,
} from "../lib/numbers";
import { Figure } from "./Figure";
import { FEW, PairMatrix } from "./PairMatrix";
import { ReportTable, Value } from "./ReportTable";

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

function Figures({ slug, report, section, names, table }: FiguresProps) {
  const figures = report.figures.filter(
    (figure) => figure.section === section || names?.includes(figure.name),
  );
  return figures.map((figure) => (
    <Figure key={figure.name} study={slug} name={report.study.name} figure={figure} table={table} />
  ));
}

const withUnit = (measure: string, unit: string) => `${measure}, ${unit}`;

export function AgreementSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  if (report.agreement.length === 0) {
    return (
      <EmptyState title="No agreement yet">The study has no category with queries.</EmptyState>
    );
  }
  const several = new Set(report.agreement.map(({ measure }) => measure)).size > 1;
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
        title="Agreement between assessors"
        rows={report.agreement}
        keyOf={(row) => [row.category, row.aggregation, row.measure].join("|")}
        columns={[
          { title: "Category", cell: (row) => scopeWord(row.category) },
          { title: "Cut", cell: (row) => cutWord(row.aggregation) },
          ...(several
            ? [
                {
                  title: "Measure",
                  cell: (row: Report["agreement"][number]) => measureWord(row.measure),
                },
              ]
            : []),
          {
            title: several ? "Value" : withUnit("Agreement", "%"),
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
                reason={why(`${row.measure}_ci`, row.category, `${row.aggregation}:low`)}
              />
            ),
          },
          {
            title: "SD over queries",
            number: true,
            cell: (row) => (
              <Value
                text={numberOf(row.sd, row.measure)}
                reason={why(`${row.measure}_std`, row.category, row.aggregation)}
              />
            ),
          },
          { title: "Items", number: true, cell: (row) => count(row.n_items) },
          { title: "Rating pairs", number: true, cell: (row) => count(row.n_pairs) },
        ]}
      />
    </Stack>
  );
}

export function PeopleSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const rows = report.assessor_pairs;
  const categories = [...new Set(rows.map(({ category }) => category))];
  const cuts = [...new Set(rows.map(({ aggregation }) => aggregation))];
  const [askedCategory, setCategory] = useState<string | null>(null);
  const [askedCut, setCut] = useState("12-345");
  if (rows.length === 0) {
    return (
      <EmptyState title="No two assessors share a pair yet">
        Once two assessors of a category have judged the same pairs, their agreement stands here.
      </EmptyState>
    );
  }
  const category = askedCategory ?? categories[0] ?? "all";
  const cut = cuts.includes(askedCut) ? askedCut : (cuts[0] ?? "");
  const measure = rows[0]?.measure ?? "maa";
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
          <SegmentedControl
            aria-label="Cut"
            data={cuts.map((value) => ({ value, label: cutWord(value) }))}
            value={cut}
            onChange={setCut}
          />
        </Group>
        <PairMatrix
          rows={rows.filter(
            (row) =>
              row.category === category && row.aggregation === cut && row.measure === measure,
          )}
          reasonOf={(row) =>
            why("maa_pair", row.category, `${row.assessor_a}~${row.assessor_b}:${row.aggregation}`)
          }
        />
        <Text size="sm" c="dimmed">
          Agreement in percent; n is the number of pairs that both judged. Cells with fewer than{" "}
          {FEW} are hatched.
        </Text>
      </Stack>
      <ReportTable
        study={slug}
        name="assessor_pairs"
        title="Assessor pairs"
        rows={rows.filter((row) => row.category === category && row.aggregation === cut)}
        keyOf={(row) => [row.category, row.assessor_a, row.assessor_b, row.measure].join("|")}
        columns={[
          { title: "Assessors", cell: (row) => `${row.assessor_a} and ${row.assessor_b}` },
          {
            title: withUnit("Agreement", "%"),
            number: true,
            cell: (row) => (
              <Value
                text={numberOf(row.value, row.measure)}
                reason={why(
                  "maa_pair",
                  row.category,
                  `${row.assessor_a}~${row.assessor_b}:${row.aggregation}`,
                )}
              />
            ),
          },
          { title: "Judged by both", number: true, cell: (row) => count(row.n_items) },
        ]}
      />
    </Stack>
  );
}

export function ModelsSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const rows = report.model_agreement;
  const categories = [...new Set(rows.map(({ category }) => category))];
  const depths = [...new Set(rows.map(({ n }) => n))].sort((a, b) => a - b);
  const [askedCategory, setCategory] = useState<string | null>(null);
  const [askedDepth, setDepth] = useState<number | null>(null);
  if (rows.length === 0) {
    return (
      <EmptyState title="Nothing to compare yet">
        Two methods need rankings for the same queries: build the pools first.
      </EmptyState>
    );
  }
  const category = askedCategory ?? (categories.includes("all") ? "all" : (categories[0] ?? ""));
  const depth = askedDepth ?? (depths.includes(10) ? 10 : (depths[0] ?? 1));
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        Of the first n results of two methods, the share that both found. Two methods that share one
        result have 1/n.
      </Text>
      <Figures slug={slug} report={report} section="models" table="model_agreement" />
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
            aria-label="First results"
            data={depths.map((n) => ({ value: String(n), label: `first ${n}` }))}
            value={String(depth)}
            onChange={(value) => setDepth(Number(value))}
            allowDeselect={false}
            w={130}
          />
        </Group>
        <ReportTable
          study={slug}
          name="model_agreement"
          title="Common results of two methods"
          rows={rows.filter((row) => row.category === category && row.n === depth)}
          keyOf={(row) => [row.method_a, row.method_b, row.measure, row.n].join("|")}
          columns={[
            { title: "Methods", cell: (row) => `${row.method_a} and ${row.method_b}` },
            {
              title: withUnit(`Common results at ${depth}`, "%"),
              number: true,
              cell: (row) => (
                <Value
                  text={numberOf(row.value, row.measure)}
                  reason={why(
                    row.measure,
                    row.category,
                    `${row.method_a}~${row.method_b}@${row.n}`,
                  )}
                />
              ),
            },
            {
              title: "95 % interval",
              number: true,
              cell: (row) => (
                <Value
                  text={intervalOf(row.ci_low, row.ci_high, row.measure)}
                  reason={why(
                    `${row.measure}_ci`,
                    row.category,
                    `${row.method_a}~${row.method_b}@${row.n}:low`,
                  )}
                />
              ),
            },
            {
              title: "SD over queries",
              number: true,
              cell: (row) => (
                <Value
                  text={numberOf(row.sd, row.measure)}
                  reason={why(
                    `${row.measure}_std`,
                    row.category,
                    `${row.method_a}~${row.method_b}@${row.n}`,
                  )}
                />
              ),
            },
            { title: "Queries", number: true, cell: (row) => count(row.n_queries) },
          ]}
        />
      </Stack>
    </Stack>
  );
}

export function PrecisionSection({ slug, report }: SectionProps) {
  const why = reasonFinder(report.undefined);
  const rows = report.precision;
  const categories = [...new Set(rows.map(({ category }) => category))];
  const [asked, setCategory] = useState<string | null>(null);
  if (rows.length === 0) {
    return (
      <EmptyState title="No precision yet">
        Precision needs rankings and judgments: build the pools and judge them first.
      </EmptyState>
    );
  }
  const category = asked ?? (categories.includes("all") ? "all" : (categories[0] ?? ""));
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        Of the first N results of a method, the share that people find similar in content (consensus
        level 3 or above). What nobody judged counts as not relevant: see the judged share.
      </Text>
      <Figures slug={slug} report={report} section="precision" table="precision" />
      <Stack gap="sm">
        <Select
          aria-label="Category"
          data={categories.map((value) => ({ value, label: scopeWord(value) }))}
          value={category}
          onChange={setCategory}
          allowDeselect={false}
          w={220}
        />
        <ReportTable
          study={slug}
          name="precision"
          title="Precision of the methods"
          rows={rows.filter((row) => row.category === category)}
          keyOf={(row) => [row.method, row.measure].join("|")}
          columns={[
            { title: "Method", cell: (row) => row.method },
            { title: "Measure", cell: (row) => row.measure },
            {
              title: withUnit("Value", "%"),
              number: true,
              cell: (row) => (
                <Value
                  text={numberOf(row.value, row.measure)}
                  reason={why(...atOf(row.measure, row.category, row.method))}
                />
              ),
            },
            {
              title: "95 % interval",
              number: true,
              cell: (row) => {
                const [family, scope, param] = atOf(row.measure, row.category, row.method);
                return (
                  <Value
                    text={intervalOf(row.ci_low, row.ci_high, row.measure)}
                    reason={why(`${family}_ci`, scope, `${param}:low`)}
                  />
                );
              },
            },
            {
              title: withUnit("Judged", "%"),
              number: true,
              cell: (row) => (
                <Value
                  text={row.judged === null ? "n/a" : inPercent(row.judged)}
                  reason={why("judged", row.category, atOf(row.measure, "", row.method)[2])}
                />
              ),
            },
            { title: "Queries", number: true, cell: (row) => count(row.n_queries) },
          ]}
        />
      </Stack>
    </Stack>
  );
}

/** "P@5" of method m -> family P, param m@5: the names of values.csv. */
function atOf(measure: string, category: string, method: string): [string, string, string] {
  const [family = measure, cutoff = ""] = measure.split("@");
  return [family, category, `${method}@${cutoff}`];
}

export function PoolSection({ slug, report }: SectionProps) {
  const { pool } = report;
  const [asked, setCategory] = useState<string | null>(null);
  const categories = pool.by_category.map(({ category }) => category);
  if (pool.n_pairs === 0) {
    return (
      <EmptyState title="No pool yet">The pools are built in the study&rsquo;s design.</EmptyState>
    );
  }
  const category = asked ?? (categories.includes("all") ? "all" : (categories[0] ?? ""));
  const total = pool.by_category.find((row) => row.category === category);
  return (
    <Stack gap="xl">
      <Text size="sm" c="dimmed" maw="75ch">
        The pool of a query is the union of every method&rsquo;s first {count(pool.depth)} results.
        What only one method found is its own contribution.
      </Text>
      <Figures slug={slug} report={report} section="pool" names={["pool_unique"]} />
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
          {total && (
            <Text size="sm" c="dimmed" className="tabular">
              {counted(total.n_pairs, "pair")} for {counted(total.n_queries, "query", "queries")}
            </Text>
          )}
        </Group>
        <ReportTable
          study={slug}
          title="What each method brought"
          rows={pool.by_method.filter((row) => row.category === category)}
          keyOf={(row) => row.method}
          columns={[
            { title: "Method", cell: (row) => row.method },
            { title: "Pairs found", number: true, cell: (row) => count(row.n_found) },
            { title: "Found by no other", number: true, cell: (row) => count(row.n_unique) },
            {
              title: "Share of its own",
              number: true,
              cell: (row) => percent(row.n_unique, row.n_found),
            },
          ]}
        />
      </Stack>
    </Stack>
  );
}
