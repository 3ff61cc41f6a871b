import { Group, Select, Stack, Text } from "@mantine/core";
import { useState } from "react";
import { EmptyState } from "@/components/ui";
import { count, counted, percent } from "@/lib/format";
import { intervalOf, numberOf, reasonFinder, scopeWord } from "../lib/numbers";
import { Figures, type SectionProps } from "./Figures";
import { ReportTable, Value } from "./ReportTable";

const withUnit = (measure: string, unit: string) => `${measure}, ${unit}`;

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
