import { queryOptions } from "@tanstack/react-query";
import { api, type Page, type Schemas } from "@/lib/api";
import type { Job } from "@/lib/jobs";

/** The first page is enough: home shows what is next, not everything. */
export const studiesQuery = queryOptions({
  queryKey: ["home", "studies"],
  queryFn: ({ signal }) => api.get<Page<Schemas["Study"]>>("studies/", { signal }),
});

export const collectionsQuery = queryOptions({
  queryKey: ["home", "collections"],
  queryFn: ({ signal }) => api.get<Page<Schemas["Collection"]>>("collections/", { signal }),
});

export const runningJobsQuery = queryOptions({
  queryKey: ["home", "jobs"],
  queryFn: async ({ signal }) => {
    const [running, pending] = await Promise.all(
      ["running", "pending"].map((state) =>
        api.get<Page<Job>>("jobs/", { query: { state }, signal }),
      ),
    );
    return [...(running?.results ?? []), ...(pending?.results ?? [])];
  },
  refetchInterval: 5000,
});
