import { keepPreviousData, useQueries, useQuery } from "@tanstack/react-query";
import { useMemo } from "react";
import { imagesQuery, IMAGES_A_PAGE, type ImageFilters } from "../api/list-images";
import type { CatalogImage } from "../api/types";

/** First and last row of a list that are near the eye. */
export interface Range {
  first: number;
  last: number;
}

/** The pages, from 1, that hold the images of a range. */
export function pagesOf({ first, last }: Range, size = IMAGES_A_PAGE): number[] {
  const from = Math.floor(Math.max(0, first) / size) + 1;
  const to = Math.floor(Math.max(0, last) / size) + 1;
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

/**
 * Images of a collection by their place in the filtered list, however long it is: only the pages
 * near the eye are read. `at` gives undefined for what is still on its way.
 */
export function useImages(slug: string, filters: ImageFilters, range: Range) {
  const first = useQuery({ ...imagesQuery(slug, filters, 1), placeholderData: keepPreviousData });
  const total = first.data?.count;
  const pages = pagesOf({ first: range.first, last: Math.min(range.last, (total ?? 1) - 1) });
  const queries = useQueries({
    queries: pages.map((page) => ({
      ...imagesQuery(slug, filters, page),
      enabled: total !== undefined && !first.isPlaceholderData,
    })),
    combine: (results) => results.map(({ data }) => data?.results),
  });
  const loaded = useMemo(() => {
    const byPage = new Map<number, CatalogImage[]>();
    if (first.data) byPage.set(1, first.data.results);
    pages.forEach((page, index) => {
      const results = queries[index];
      if (results) byPage.set(page, results);
    });
    return byPage;
    // eslint-disable-next-line react-hooks/exhaustive-deps -- `pages` is derived from its ends
  }, [first.data, queries, pages[0], pages.length]);
  return {
    total,
    error: first.error,
    refetch: first.refetch,
    isStale: first.isPlaceholderData,
    at: (index: number): CatalogImage | undefined =>
      loaded.get(Math.floor(index / IMAGES_A_PAGE) + 1)?.[index % IMAGES_A_PAGE],
  };
}
