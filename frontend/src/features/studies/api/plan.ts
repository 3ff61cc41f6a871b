import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Plan } from "./types";

/** How the work would be dealt out, computed by the server and written nowhere. */
export const planPreviewQuery = (slug: string, version: string) =>
  queryOptions({
    queryKey: [...keys.plan(slug), "preview", version],
    queryFn: () => api.post<Plan>(`studies/${slug}/plan/`, { preview: true }),
    staleTime: 0,
  });

/** How the work of an open study is dealt out. */
export const planQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.plan(slug),
    queryFn: ({ signal }) => api.get<Plan>(`studies/${slug}/plan/`, { signal }),
  });

/** Deal the work out and open the study. */
export function useLaunchStudy(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.post<Plan>(`studies/${slug}/plan/`, {}),
    // Not waited for: the page that asked is gone as soon as the study is seen to be open.
    onSuccess: () => {
      void client.invalidateQueries({ queryKey: keys.study(slug) });
      void client.invalidateQueries({ queryKey: keys.studies });
    },
  });
}
