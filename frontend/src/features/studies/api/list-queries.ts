import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { keys } from "./keys";
import type { StudyQuery } from "./types";

/** All queries of a study, in its order. */
export const queriesQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.queries(slug),
    queryFn: async ({ signal }) => {
      const queries: StudyQuery[] = [];
      for (let page = 1; ; page += 1) {
        const answer = await api.get<Page<StudyQuery>>(`studies/${slug}/queries/`, {
          query: { page, page_size: 200 },
          signal,
        });
        queries.push(...answer.results);
        if (answer.next === null) return queries;
      }
    },
  });
