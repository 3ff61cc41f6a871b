import { queryOptions } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import { keys } from "./keys";
import type { CatalogImage } from "./types";

/** Divisible by every likely number of columns, so that a row lies in one page. */
export const IMAGES_A_PAGE = 120;

export interface ImageFilters {
  search?: string;
  /** "any": screened out, "none": taking part, a label: screened out for it. */
  excluded?: string;
}

/** One page of a collection's images, from 1. */
export const imagesQuery = (
  slug: string,
  { search = "", excluded = "" }: ImageFilters,
  page: number,
) =>
  queryOptions({
    queryKey: [...keys.images(slug), { search, excluded }, page],
    queryFn: ({ signal }) =>
      api.get<Page<CatalogImage>>(`collections/${slug}/images/`, {
        query: { search, excluded, page, page_size: IMAGES_A_PAGE },
        signal,
      }),
    staleTime: 60_000,
  });

export const PREVIEWED = 8;

/** The first images that take part, to show what a collection looks like. */
export const previewQuery = (slug: string) =>
  queryOptions({
    queryKey: [...keys.images(slug), "preview"],
    queryFn: ({ signal }) =>
      api.get<Page<CatalogImage>>(`collections/${slug}/images/`, {
        query: { excluded: "none", page_size: PREVIEWED },
        signal,
      }),
    staleTime: 60_000,
  });
