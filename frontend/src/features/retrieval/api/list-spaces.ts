import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { isUnfinished } from "@/lib/jobs";
import type { Space } from "./types";

export const spacesKey = (slug: string) => ["retrieval", "spaces", slug] as const;

/** Every feature space, as far as it is computed for the collection. */
export const spacesQuery = (slug: string) =>
  queryOptions({
    queryKey: spacesKey(slug),
    queryFn: ({ signal }) => api.get<Space[]>(`collections/${slug}/spaces/`, { signal }),
    enabled: slug !== "",
    refetchInterval: (query) =>
      query.state.data?.some(({ job }) => job !== null && isUnfinished(job)) ? 2000 : false,
  });
