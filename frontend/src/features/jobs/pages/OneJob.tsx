import { Anchor, Badge, Group, Paper, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "react-router";
import { JobProgress, JobStateBadge, Page, QueryState, TableScroll } from "@/components/ui";
import { count, counted, dateTime } from "@/lib/format";
import { jobQuery, type JobDetail } from "@/lib/jobs";
import { JobDeeds } from "../components/JobDeeds";
import { NoWorkerBanner } from "../components/Workers";
import { targetWords } from "../lib/words";

/** `/jobs/:id`: one job with its parts. */
export function OneJob() {
  const { id = "" } = useParams();
  const job = useQuery(jobQuery(Number(id)));
  return (
    <Page
      title={job.data?.title ?? "Job"}
      above={
        <Anchor component={Link} to="/jobs" size="sm">
          Jobs
        </Anchor>
      }
      lead={
        job.data &&
        `${targetWords(job.data.target)} · asked for on ${dateTime(job.data.created_at)}${
          job.data.requested_by ? ` by ${job.data.requested_by}` : ""
        }`
      }
    >
      <QueryState query={job} failure="The job could not be read">
        {(data) => (
          <Stack gap="lg">
            <NoWorkerBanner />
            <Paper withBorder p="md" bg="var(--surface)">
              <JobProgress
                details={false}
                key={data.state}
                job={data}
                actions={<JobDeeds job={data} size="sm" />}
              />
            </Paper>
            <Parts job={data} />
          </Stack>
        )}
      </QueryState>
    </Page>
  );
}

function Parts({ job }: { job: JobDetail }) {
  const total = Object.values(job.parts_by_state).reduce((sum, n) => sum + n, 0);
  return (
    <section>
      <Group justify="space-between" mb="xs">
        <Title order={2} size="h3">
          Parts
        </Title>
        <Group gap={6}>
          {Object.entries(job.parts_by_state)
            .filter(([, n]) => n > 0)
            .map(([state, n]) => (
              <Badge key={state} variant="default" className="tabular">
                {count(n)} {state === "pending" ? "waiting" : state}
              </Badge>
            ))}
        </Group>
      </Group>
      <TableScroll label="Parts of the job" minWidth={560} maxHeight={620}>
        <Table stickyHeader className="tabular">
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Part</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th ta="right">Done</Table.Th>
              <Table.Th ta="right">Tries</Table.Th>
              <Table.Th>Worker</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {job.parts.map((part) => (
              <Table.Tr key={part.key}>
                <Table.Td style={{ overflowWrap: "anywhere" }}>
                  {part.key}
                  {part.error && (
                    <Text size="sm" c="red">
                      {part.error}
                    </Text>
                  )}
                </Table.Td>
                <Table.Td>
                  <JobStateBadge state={part.state} />
                </Table.Td>
                <Table.Td ta="right">
                  {count(part.done)} of {count(part.total)}
                </Table.Td>
                <Table.Td ta="right">{count(part.attempts)}</Table.Td>
                <Table.Td>{part.worker || "–"}</Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </TableScroll>
      {total > job.parts.length && (
        <Text size="sm" c="dimmed" mt="xs">
          The first {count(job.parts.length)} of {counted(total, "part")}, failed ones first.
        </Text>
      )}
    </section>
  );
}
