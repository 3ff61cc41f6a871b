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

/** Who works; asked for every three seconds where it matters. */
export const workersQuery = () =>
  queryOptions({
    queryKey: ["jobs", "workers"],
    queryFn: ({ signal }) => api.get<Workers>("jobs/workers/", { signal }),
    refetchInterval: 3000,
    staleTime: 2000,
  });
