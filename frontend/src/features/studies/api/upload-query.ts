import { api } from "@/lib/api";
import type { StudyQuery } from "./types";

/** An image of the collection, or a file from outside it: searched with, never found. */
export type QueryPicture = { imageId: string } | { file: File };

/** Add one query to a draft. */
export function addQuery(
  slug: string,
  { picture, id, category }: { picture: QueryPicture; id: string; category: string },
) {
  const body = new FormData();
  if ("file" in picture) body.set("file", picture.file, picture.file.name);
  else body.set("image", picture.imageId);
  body.set("id", id);
  body.set("category", category);
  return api.post<StudyQuery>(`studies/${slug}/queries/`, body);
}

/** A query image from outside the collection. */
export const uploadQuery = (slug: string, input: { file: File; id: string; category: string }) =>
  addQuery(slug, { picture: { file: input.file }, id: input.id, category: input.category });
