import { Button, Group, Stack, Table, Text, Title } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Fragment } from "react";
import {
  EmptyState,
  JobProgress,
  NoWorker,
  ProblemAlert,
  QueryState,
  TableScroll,
} from "@/components/ui";
import { qualitative } from "@/config/palette";
import { useTargetJobs } from "@/features/jobs";
import { poolsKey, poolsQuery, useBuildPools, type Pools } from "@/features/retrieval";
import { count, counted, percent } from "@/lib/format";
import { isUnfinished } from "@/lib/jobs";
import { useKeys } from "@/lib/keys";
import { keys } from "../../api/keys";
import { studyQuery } from "../../api/get-study";
import { queriesQuery } from "../../api/list-queries";
import type { Study } from "../../api/types";
import type { DesignHandle } from "../../lib/useDesign";
import classes from "./PoolsStep.module.css";
import { RunsSection } from "./RunsSection";

interface Props {
  study: Study;
  /** What must be mended first; null when nothing. */
  blocked: string | null;
  handle: DesignHandle;
  readOnly: boolean;
}

/** The pairs that will be judged: the union of what the methods find. */
export function PoolsStep({ study, blocked, handle, readOnly }: Props) {
  const { flush } = handle;
  const client = useQueryClient();
  const pools = useQuery(poolsQuery(study.slug));
  const build = useBuildPools(study.slug);
  const jobs = useTargetJobs(`study:${study.slug}`, () => {
    void client.invalidateQueries({ queryKey: poolsKey(study.slug) });
    void client.invalidateQueries({ queryKey: keys.study(study.slug) });
  });
  const running = jobs.filter((job) => isUnfinished(job));
  const latest = jobs[0];
  const refresh = () => client.invalidateQueries({ queryKey: ["jobs"] });
  const start = async () => {
    if (!(await flush())) return;
    build.mutate(undefined, {
      onSuccess: () => void client.invalidateQueries({ queryKey: ["jobs"] }),
    });
  };
  const reload = async () =>
    handle.reload(
      await client.fetchQuery({ ...studyQuery(study.slug), staleTime: 0 }),
      await client.fetchQuery({ ...queriesQuery(study.slug), staleTime: 0 }),
    );
  const built = (pools.data?.n_pairs ?? 0) > 0;
  useKeys([
    {
      keys: "Enter",
      label: "Build the pools",
      enabled:
        pools.data !== undefined &&
        !built &&
        !readOnly &&
        blocked === null &&
        running.length === 0 &&
        !build.isPending,
      run: () => void start(),
    },
  ]);
  return (
    <Stack gap="lg">
      {running.map((job) => (
        <JobProgress key={job.id} job={job} onFinished={() => void refresh()} />
      ))}
      {running.length === 0 && latest?.state === "failed" && <JobProgress job={latest} />}
      <ProblemAlert error={build.error} />
      {!readOnly && running.length === 0 && (
        <Group>
          <Button
            variant={built ? "default" : "filled"}
            disabled={blocked !== null}
            loading={build.isPending}
            onClick={() => void start()}
          >
            {built ? "Build the pools again" : "Build the pools"}
          </Button>
          {blocked !== null && (
            <Text size="sm" c="dimmed">
              First: {blocked}
            </Text>
          )}
          <NoWorker />
        </Group>
      )}
      <QueryState query={pools} failure="The pools could not be read">
        {(data) =>
          data.n_pairs === 0 ? (
            running.length === 0 && (
              <EmptyState title="No pool yet">
                Every method searches the collection for every query; the best {study.depth} results
                of each make the pool, once each.
              </EmptyState>
            )
          ) : (
            <PoolFacts pools={data} methods={study.methods} />
          )
        }
      </QueryState>
      <RunsSection study={study} flush={flush} reload={reload} />
    </Stack>
  );
}

function PoolFacts({ pools, methods }: { pools: Pools; methods: string[] }) {
  const most = Math.max(1, ...Object.values(pools.unique));
  const shown = methods.filter((method) => method in pools.unique);
  return (
    <Stack gap="lg">
      <Text className="tabular">
        {counted(pools.n_pairs, "pair")} for {counted(pools.n_queries, "query", "queries")} at depth{" "}
        {count(pools.depth)}: {count(Math.round(pools.n_pairs / Math.max(1, pools.n_queries)))} a
        query.
      </Text>
      <section>
        <Title order={3} size="h4" mb={4}>
          Pairs that only one method found
        </Title>
        <Text size="sm" c="dimmed" mb="sm">
          A method whose share is small adds little to what the others find.
        </Text>
        <dl className={classes.bars}>
          {shown.map((method) => {
            const unique = pools.unique[method] ?? 0;
            return (
              <Fragment key={method}>
                <dt>{method}</dt>
                <dd className={classes.track}>
                  <span
                    className={classes.bar}
                    style={{
                      width: `${(100 * unique) / most}%`,
                      minWidth: unique === 0 ? 0 : undefined,
                      background: qualitative(methods.indexOf(method)),
                    }}
                  />
                </dd>
                <dd className="tabular">
                  {count(unique)} ({percent(unique, pools.n_pairs)})
                </dd>
              </Fragment>
            );
          })}
        </dl>
      </section>
      <section>
        <Title order={3} size="h4" mb="xs">
          By query
        </Title>
        <TableScroll label="Pools by query" minWidth={480} maxHeight={420}>
          <Table stickyHeader className="tabular">
            <Table.Thead>
              <Table.Tr>
                <Table.Th>Query</Table.Th>
                <Table.Th>Category</Table.Th>
                <Table.Th ta="right">Pairs</Table.Th>
                {shown.map((method) => (
                  <Table.Th key={method} ta="right">
                    {method}
                  </Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {pools.by_query.map((query) => (
                <Table.Tr key={query.id}>
                  <Table.Td>{query.id}</Table.Td>
                  <Table.Td>{query.category}</Table.Td>
                  <Table.Td ta="right">{count(query.n_pairs)}</Table.Td>
                  {shown.map((method) => (
                    <Table.Td key={method} ta="right">
                      {count(query.by_method[method] ?? 0)}
                    </Table.Td>
                  ))}
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </TableScroll>
      </section>
    </Stack>
  );
}
