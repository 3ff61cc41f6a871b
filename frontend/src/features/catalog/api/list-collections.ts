import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { keys } from "./keys";
import type { Collection } from "./types";

/** All collections; a site has few, so one page holds them. */
export const collectionsQuery = () =>
  queryOptions({
    queryKey: keys.collections,
    queryFn: ({ signal }) =>
      api.get<Page<Collection>>("collections/", { query: { page_size: 200 }, signal }),
  });
