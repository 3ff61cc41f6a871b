import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas } from "@/lib/api";
import { keys } from "./keys";

export type ForeignRun = Schemas["ForeignRun"];
export type ImportedRun = Schemas["ImportedRun"];

/** Methods of the study that came as a TREC run file. */
export const runsQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.runs(slug),
    queryFn: ({ signal }) => api.get<ForeignRun[]>(`studies/${slug}/runs/`, { signal }),
  });

export interface NewRun {
  file: File;
  /** Empty: the tag of its lines. */
  method: string;
  noPool: boolean;
}

/** Add a run; with `preview` only say what would happen. */
export function importRun(slug: string, run: NewRun, { preview }: { preview: boolean }) {
  const body = new FormData();
  body.set("file", run.file, run.file.name);
  body.set("method", run.method.trim());
  body.set("no_pool", String(run.noPool));
  body.set("preview", String(preview));
  return api.post<ImportedRun>(`studies/${slug}/runs/`, body);
}

export const removeRun = (slug: string, method: string) =>
  api.delete(`studies/${slug}/runs/${encodeURIComponent(method)}/`);
