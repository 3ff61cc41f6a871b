import { queryOptions, useMutation } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import type { Job } from "@/lib/jobs";
import type { Release } from "./types";

export const releasesKey = (study: string) => ["analytics", "releases", study] as const;

export const releasesQuery = (study: string) =>
  queryOptions({
    queryKey: releasesKey(study),
    queryFn: ({ signal }) =>
      api.get<Page<Release>>(`studies/${study}/releases/`, { query: { page_size: 100 }, signal }),
  });

/** Write a release folder, zipped, as a job. */
export function useMakeRelease(study: string) {
  return useMutation({
    mutationFn: (input: { names: boolean }) =>
      api.post<{ job: Job }>(`studies/${study}/releases/`, input),
  });
}
