import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type {
  AssessListItem,
  AssessStudy,
  HistoryItem,
  JudgmentBody,
  JudgmentReceipt,
  TaskPage,
} from "./types";

/** My studies with my progress. */
export const assessListQuery = () =>
  queryOptions({
    queryKey: ["assess", "list"],
    queryFn: ({ signal }) => api.get<{ studies: AssessListItem[] }>("assess/", { signal }),
    staleTime: 0,
  });

export const assessStudyQuery = (slug: string) =>
  queryOptions({
    queryKey: ["assess", "study", slug],
    queryFn: ({ signal }) => api.get<AssessStudy>(`assess/${slug}/`, { signal }),
  });

/** The next open pairs, in this assessor's own order. */
export const fetchTasks = (slug: string, limit: number, signal?: AbortSignal) =>
  api.get<TaskPage>(`assess/${slug}/tasks/`, { query: { limit }, ...(signal && { signal }) });

/** What I said last, newest first. */
export const fetchHistory = (slug: string, limit: number, signal?: AbortSignal) =>
  api.get<HistoryItem[]>(`assess/${slug}/history/`, {
    query: { limit },
    ...(signal && { signal }),
  });

/** Store a judgment. Sending it again under the same uuid is harmless. */
export const putJudgment = (uuid: string, body: JudgmentBody) =>
  api.put<JudgmentReceipt>(`judgments/${uuid}/`, body, { keepalive: true });
