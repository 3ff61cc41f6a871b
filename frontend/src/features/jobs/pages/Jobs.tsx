import { Group, Pagination, Paper, SegmentedControl, Select, Stack, Text } from "@mantine/core";
import { IconListCheck } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useSearchParams } from "react-router";
import { EmptyState, JobProgress, Page, QueryState } from "@/components/ui";
import { ago, counted, duration } from "@/lib/format";
import type { Job } from "@/lib/jobs";
import { jobsQuery } from "../api/list-jobs";
import { JobDeeds } from "../components/JobDeeds";
import { NoWorkerBanner, WorkerLine } from "../components/Workers";
import { targetWords } from "../lib/words";
import classes from "./Jobs.module.css";

const STATES = [
  { value: "", label: "All" },
  { value: "pending", label: "Waiting" },
  { value: "running", label: "Running" },
  { value: "failed", label: "Failed" },
  { value: "done", label: "Done" },
  { value: "cancelled", label: "Cancelled" },
];
const A_PAGE = 50;

/** `/jobs`: what runs, how far, what failed and why. */
export function Jobs() {
  const [params, setParams] = useSearchParams();
  const filters = {
    state: params.get("state") ?? "",
    target: params.get("target") ?? "",
    page: Number(params.get("page") ?? 1) || 1,
  };
  const jobs = useQuery(jobsQuery(filters));
  const set = (name: string, value: string) =>
    setParams(
      (before) => {
        const after = new URLSearchParams(before);
        if (value) after.set(name, value);
        else after.delete(name);
        if (name !== "page") after.delete("page");
        return after;
      },
      { replace: true },
    );
  const targets = [...new Set((jobs.data?.results ?? []).map(({ target }) => target))];
  if (filters.target && !targets.includes(filters.target)) targets.push(filters.target);
  return (
    <Page title="Jobs" lead={<WorkerLine />}>
      <Stack>
        <NoWorkerBanner />
        <Group gap="sm">
          <SegmentedControl
            aria-label="State"
            value={filters.state}
            onChange={(value) => set("state", value)}
            data={STATES}
            size="sm"
          />
          <Select
            aria-label="What it works on"
            placeholder="On anything"
            data={targets.map((value) => ({ value, label: targetWords(value) }))}
            value={filters.target || null}
            onChange={(value) => set("target", value ?? "")}
            clearable
            searchable
            w={240}
          />
        </Group>
        <QueryState query={jobs} failure="The jobs could not be read">
          {({ results, count }) =>
            results.length === 0 ? (
              <EmptyState
                title={filters.state || filters.target ? "No job matches" : "No job yet"}
                icon={<IconListCheck size={32} stroke={1.4} aria-hidden />}
              >
                {filters.state || filters.target
                  ? "Show all states and everything they work on."
                  : "Imports, feature spaces, pools and releases are made by workers: each appears here with how far it is."}
              </EmptyState>
            ) : (
              <div className={classes.list}>
                {results.map((job) => (
                  <Paper
                    key={`${job.id}-${job.state}`}
                    withBorder
                    bg="var(--surface)"
                    className={classes.job}
                  >
                    <JobProgress job={job} actions={<JobDeeds job={job} />} />
                    <Text className={classes.when} mt={4}>
                      {whenWords(job)}
                    </Text>
                  </Paper>
                ))}
                {count > A_PAGE && (
                  <Group justify="space-between">
                    <Text size="sm" c="dimmed">
                      {counted(count, "job")}
                    </Text>
                    <Pagination
                      total={Math.ceil(count / A_PAGE)}
                      value={filters.page}
                      onChange={(page) => set("page", page === 1 ? "" : String(page))}
                    />
                  </Group>
                )}
              </div>
            )
          }
        </QueryState>
      </Stack>
    </Page>
  );
}

function whenWords(job: Job): string {
  const words = [targetWords(job.target)];
  words.push(
    `asked for ${ago(job.created_at)}${job.requested_by ? ` by ${job.requested_by}` : ""}`,
  );
  if (job.started_at && job.finished_at) {
    const took = new Date(job.finished_at).getTime() - new Date(job.started_at).getTime();
    words.push(
      `took ${took < 60_000 ? `${Math.max(1, Math.round(took / 1000))} s` : duration(took)}`,
    );
  }
  return words.join(" · ");
}
