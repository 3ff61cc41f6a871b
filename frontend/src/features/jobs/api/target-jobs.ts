import { queryOptions, useQuery } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { api, type Page } from "@/lib/api";
import { isUnfinished, type Job } from "@/lib/jobs";

/** The last jobs on one target, newest first; asked for more often while one runs. */
export const targetJobsQuery = (target: string) =>
  queryOptions({
    queryKey: ["jobs", "target", target],
    queryFn: ({ signal }) =>
      api.get<Page<Job>>("jobs/", { query: { target, page_size: 20 }, signal }),
    refetchInterval: (query) => (query.state.data?.results.some(isUnfinished) ? 2000 : 15_000),
  });

const NONE: Job[] = [];

/**
 * The last jobs on one target; `onSettled` is called when one of them ends while the page looks,
 * however short it was.
 */
export function useTargetJobs(target: string, onSettled?: () => void): Job[] {
  const jobs = useQuery(targetJobsQuery(target)).data?.results;
  const known = useRef<Set<number> | null>(null);
  const tell = useRef(onSettled);
  useEffect(() => {
    tell.current = onSettled;
  });
  useEffect(() => {
    if (!jobs) return;
    const ended = jobs.filter((job) => !isUnfinished(job)).map(({ id }) => id);
    const before = known.current;
    known.current = new Set(ended);
    if (before !== null && ended.some((id) => !before.has(id))) tell.current?.();
  }, [jobs]);
  return jobs ?? NONE;
}
