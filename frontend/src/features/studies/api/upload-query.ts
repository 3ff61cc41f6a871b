import { api } from "@/lib/api";
import type { StudyQuery } from "./types";

/** A query image from outside the collection: searched with, never found. */
export function uploadQuery(slug: string, input: { file: File; id: string; category: string }) {
  const body = new FormData();
  body.set("file", input.file, input.file.name);
  body.set("id", input.id);
  body.set("category", input.category);
  return api.post<StudyQuery>(`studies/${slug}/queries/`, body);
}
