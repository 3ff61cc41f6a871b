import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { isUnfinished, type Job } from "@/lib/jobs";
import type { Labelled, ScreenedImage, ScreeningCounts, ScreeningState } from "./types";

export const SCREENED_A_PAGE = 48;

export const screeningKey = (slug: string) => ["retrieval", "screening", slug] as const;

/** How the screening of a collection stands. */
export const screeningQuery = (slug: string) =>
  queryOptions({
    queryKey: [...screeningKey(slug), "state"],
    queryFn: ({ signal }) => api.get<ScreeningState>(`collections/${slug}/screening/`, { signal }),
    refetchInterval: (query) => {
      const job = query.state.data?.job;
      return job && isUnfinished(job) ? 2000 : false;
    },
  });

export interface ScreeningFilters {
  state: keyof ScreeningCounts;
  search: string;
  page: number;
}

/**
 * A page of images. It stays as it was read until it is asked for again: nothing may move while
 * somebody labels.
 */
export const screenedImagesQuery = (slug: string, { state, search, page }: ScreeningFilters) =>
  queryOptions({
    queryKey: [...screeningKey(slug), "images", state, search, page],
    queryFn: ({ signal }) =>
      api.get<Page<ScreenedImage>>(`collections/${slug}/screening/images/`, {
        query: { state, search, page, page_size: SCREENED_A_PAGE },
        signal,
      }),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });

/** Ask the workers to screen the collection. */
export function useStartScreening(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.post<{ job: Job }>(`collections/${slug}/screening/`),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: [...screeningKey(slug), "state"] }),
        client.invalidateQueries({ queryKey: ["jobs", "target", `collection:${slug}`] }),
      ]),
  });
}

/** Say what images are; an empty label takes one back. */
export function useLabelImages(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (labels: Record<string, string>) =>
      api.post<Labelled>(`collections/${slug}/screening/labels/`, { labels }),
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: [...screeningKey(slug), "state"] }),
        client.invalidateQueries({ queryKey: ["catalog", "collection", slug] }),
      ]),
  });
}
