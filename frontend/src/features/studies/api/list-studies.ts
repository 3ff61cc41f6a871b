import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { keys } from "./keys";
import type { Study } from "./types";

export const studiesQuery = () =>
  queryOptions({
    queryKey: keys.studies,
    queryFn: ({ signal }) =>
      api.get<Page<Study>>("studies/", { query: { page_size: 200 }, signal }),
  });
