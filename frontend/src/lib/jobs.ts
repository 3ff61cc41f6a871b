/** Long work as the server reports it; any feature may start a job and show it. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "./api";

export type JobState = Schemas["JobStateEnum"];
export type Job = Schemas["Job"];
export type JobPart = Schemas["JobPart"];
export type JobDetail = Schemas["JobDetail"];
export type Workers = Schemas["Workers"];

export const isUnfinished = (job: Pick<Job, "state">): boolean =>
  job.state === "pending" || job.state === "running";

/** A job, asked for each second while it is unfinished. */
export const jobQuery = (id: number) =>
  queryOptions({
    queryKey: ["jobs", "detail", id],
    queryFn: ({ signal }) => api.get<JobDetail>(`jobs/${id}/`, { signal }),
    refetchInterval: (query) =>
      query.state.data && !isUnfinished(query.state.data) ? false : 1000,
    staleTime: 0,
  });

/** "No worker is alive" is said within 10 s: 7 s of silence, then at most this. */
export const WORKERS_ASKED_EVERY_MS = 2000;

/** Who works. */
export const workersQuery = () =>
  queryOptions({
    queryKey: ["jobs", "workers"],
    queryFn: ({ signal }) => api.get<Workers>("jobs/workers/", { signal }),
    refetchInterval: WORKERS_ASKED_EVERY_MS,
    staleTime: 1000,
  });
