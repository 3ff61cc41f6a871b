import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { isUnfinished, type Job } from "@/lib/jobs";

export interface JobFilters {
  state?: string;
  kind?: string;
  target?: string;
  page?: number;
}

/** Jobs, newest first; asked for again each second while one of them runs. */
export const jobsQuery = (filters: JobFilters) =>
  queryOptions({
    queryKey: ["jobs", "list", filters],
    queryFn: ({ signal }) =>
      api.get<Page<Job>>("jobs/", { query: { ...filters, page_size: 50 }, signal }),
    refetchInterval: (query) => (query.state.data?.results.some(isUnfinished) ? 1000 : 5000),
    placeholderData: (previous) => previous,
  });
