import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Monitor } from "./types";

/** How far the judging is; asked for again every ten seconds. */
export const monitorQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.monitor(slug),
    queryFn: ({ signal }) => api.get<Monitor>(`studies/${slug}/monitor/`, { signal }),
    refetchInterval: 10_000,
  });
