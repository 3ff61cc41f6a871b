import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Study } from "./types";

export const studyQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.study(slug),
    queryFn: ({ signal }) => api.get<Study>(`studies/${slug}/`, { signal }),
  });
