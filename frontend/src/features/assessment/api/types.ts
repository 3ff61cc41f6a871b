/** The shapes of the server, by the names that these pages use. */
import type { Schemas } from "@/lib/api";

export type Progress = Schemas["Progress"];
export type ImageRef = Schemas["ShownImage"];
/** One pair for this assessor. Nothing in it tells where the candidate came from. */
export type Task = Schemas["Task"];
export type TaskPage = Schemas["NextTasks"];
export type ScaleLevel = Schemas["Level"];
export type AssessCategory = Schemas["Guidelines"];
/** What an assessor needs to know about a study. */
export type AssessStudy = Schemas["OwnStudyDetail"];
export type AssessListItem = Schemas["OwnStudy"];
export type JudgmentReceipt = Schemas["RecordedJudgment"];
export type HistoryItem = Schemas["History"];

/** What an assessor says about a pair; which fields is the protocol's affair. */
export type Answer = Record<string, string | number>;

/** `AnswerRequest` of the server, open to the fields of any protocol. */
export interface JudgmentBody {
  task_id: string;
  note?: string;
  active_ms?: number;
  hidden_ms?: number;
  client_time?: string;
  revises?: string;
  [field: string]: string | number | undefined;
}
