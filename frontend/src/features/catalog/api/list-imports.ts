import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { isUnfinished } from "@/lib/jobs";
import { keys } from "./keys";
import type { Import } from "./types";

/** The last imports of a collection; asked for again while one runs. */
export const importsQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.imports(slug),
    queryFn: ({ signal }) =>
      api.get<Page<Import>>(`collections/${slug}/imports/`, { query: { page_size: 20 }, signal }),
    refetchInterval: (query) =>
      query.state.data?.results.some(({ job }) => job !== null && isUnfinished(job)) ? 2000 : false,
  });
