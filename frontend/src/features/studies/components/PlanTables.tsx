import { Stack, Table, Text, Title } from "@mantine/core";
import { TableScroll } from "@/components/ui";
import { count, counted } from "@/lib/format";
import type { Plan } from "../api/types";

/** Who judges how much, and how it adds up by category. */
export function PlanTables({ plan }: { plan: Plan }) {
  return (
    <Stack gap="lg">
      <Text className="tabular">
        {counted(plan.total_pairs, "judgment")} by {counted(plan.assessors.length, "assessor")}.{" "}
        {plan.assessors.length > 1 &&
          (plan.spread === 0
            ? "Everyone has the same number of pairs."
            : `The largest load is ${counted(plan.spread, "pair")} above the smallest.`)}
      </Text>
      <section>
        <Title order={3} size="h4" mb="xs">
          By assessor
        </Title>
        <TableScroll label="By assessor" minWidth={480}>
          <Table className="tabular">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Assessor</Table.Th>
                <Table.Th>Groups</Table.Th>
                <Table.Th ta="right">Queries</Table.Th>
                <Table.Th ta="right">of these common</Table.Th>
                <Table.Th ta="right">Pairs</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {plan.assessors.map((assessor) => (
                <Table.Tr key={assessor.username}>
                  <Table.Td>{assessor.name}</Table.Td>
                  <Table.Td>{assessor.groups.join(", ")}</Table.Td>
                  <Table.Td ta="right">{count(assessor.n_queries)}</Table.Td>
                  <Table.Td ta="right">{count(assessor.n_common)}</Table.Td>
                  <Table.Td ta="right">{count(assessor.n_pairs)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </TableScroll>
      </section>
      <section>
        <Title order={3} size="h4" mb="xs">
          By category
        </Title>
        <TableScroll label="By category" minWidth={480}>
          <Table className="tabular">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Category</Table.Th>
                <Table.Th ta="right">Assessors</Table.Th>
                <Table.Th ta="right">Queries</Table.Th>
                <Table.Th ta="right">judged by all of them</Table.Th>
                <Table.Th ta="right">Judgments</Table.Th>
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {plan.categories.map((category) => (
                <Table.Tr key={category.name}>
                  <Table.Td>{category.name}</Table.Td>
                  <Table.Td ta="right">{count(category.n_assessors)}</Table.Td>
                  <Table.Td ta="right">{count(category.n_queries)}</Table.Td>
                  <Table.Td ta="right">{count(category.n_common)}</Table.Td>
                  <Table.Td ta="right">{count(category.n_pairs)}</Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </TableScroll>
      </section>
    </Stack>
  );
}
