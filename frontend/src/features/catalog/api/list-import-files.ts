import { infiniteQueryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { keys } from "./keys";
import type { ImportedFile, ImportOutcome } from "./types";

/** What became of the files of an import. */
export const importFilesQuery = (id: number, outcome: ImportOutcome) =>
  infiniteQueryOptions({
    queryKey: [...keys.import(id), "files", outcome],
    queryFn: ({ pageParam, signal }) =>
      api.get<Page<ImportedFile>>(`imports/${id}/files/`, {
        query: { outcome, page: pageParam, page_size: 100 },
        signal,
      }),
    initialPageParam: 1,
    getNextPageParam: (page, _, number) => (page.next === null ? undefined : number + 1),
  });
