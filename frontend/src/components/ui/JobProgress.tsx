import { Anchor, Badge, Group, Progress, Stack, Text } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useEffect, useRef, type ReactNode } from "react";
import { Link } from "react-router";
import { count, duration } from "@/lib/format";
import { isUnfinished, jobQuery, workersQuery, type Job, type JobState } from "@/lib/jobs";

const STATES: Record<JobState, { word: string; colour: string; filled?: boolean }> = {
  pending: { word: "waiting", colour: "gray" },
  running: { word: "running", colour: "petrol", filled: true },
  done: { word: "done", colour: "petrol" },
  failed: { word: "failed", colour: "red" },
  cancelled: { word: "cancelled", colour: "gray" },
};

export function JobStateBadge({ state }: { state: JobState }) {
  const { word, colour, filled = false } = STATES[state];
  return (
    <Badge color={colour} variant={filled ? "filled" : "light"} style={{ flex: "none" }}>
      {word}
    </Badge>
  );
}

/** "1,204 of 3,442 images, 38 per second, about 2 min left" */
export function jobWords(
  job: Pick<Job, "done" | "total" | "unit" | "rate" | "seconds_left" | "state">,
): string {
  const words = [`${count(job.done)} of ${count(job.total)} ${job.unit}`];
  if (isUnfinished(job)) {
    if (job.rate) {
      words.push(
        job.rate >= 1
          ? `${count(Math.round(job.rate))} per second`
          : `${count(Math.max(1, Math.round(job.rate * 60)))} per minute`,
      );
    }
    if (job.seconds_left !== null && job.done > 0) {
      const left = duration(job.seconds_left * 1000);
      words.push(left.startsWith("less") ? `${left} left` : `about ${left} left`);
    }
  }
  return words.join(", ");
}

/** Said wherever something waits for a worker and there is none. */
export function NoWorker() {
  const workers = useQuery(workersQuery());
  if (workers.data?.alive !== false) return null;
  return (
    <Text size="sm" c="red" role="status">
      No worker is alive: the work waits until one is started.
    </Text>
  );
}

interface Props {
  /** The job as first known; it is asked for each second until it is finished. */
  job: Job;
  /**
   * Read again what the job writes. Called once when it finishes, however it ends; also when it is
   * taken from the page before that was seen here, because its parent may have seen it first.
   */
  onFinished?: () => void;
  /** Buttons beside the title. */
  actions?: ReactNode;
  /** Lead to the job's own page. */
  details?: boolean;
}

/** Long work: how far, how fast, how long, and what is wrong. */
export function JobProgress({ job: first, onFinished, actions, details = true }: Props) {
  const query = useQuery({ ...jobQuery(first.id), enabled: isUnfinished(first) });
  // Once the parent knows that it is finished, what was asked for here is older.
  const job: Job = isUnfinished(first) ? (query.data ?? first) : first;
  const unfinished = isUnfinished(job);
  const finished = useRef(onFinished);
  useEffect(() => {
    finished.current = onFinished;
  });
  useEffect(() => {
    if (!unfinished) return undefined;
    return () => finished.current?.();
  }, [unfinished]);
  const share = job.total ? (100 * job.done) / job.total : 0;
  const colour = job.state === "failed" ? "red" : undefined;
  return (
    <Stack gap={6}>
      <Group justify="space-between" gap="xs" wrap="nowrap">
        <Group gap="xs">
          <Text fw={550} size="sm">
            {job.title}
          </Text>
          <JobStateBadge state={job.state} />
        </Group>
        {actions}
      </Group>
      <Progress
        value={job.state === "done" ? 100 : share}
        color={colour}
        animated={job.state === "running"}
        size="sm"
        aria-label={job.title}
      />
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed" className="tabular">
          {jobWords(job)}
        </Text>
        {details && (
          <Anchor component={Link} to={`/jobs/${job.id}`} size="sm">
            Details
          </Anchor>
        )}
      </Group>
      {job.error && (
        <Text size="sm" c="red">
          {job.error}
        </Text>
      )}
      {unfinished && <NoWorker />}
    </Stack>
  );
}
