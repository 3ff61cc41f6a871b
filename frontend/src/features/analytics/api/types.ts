import type { Schemas } from "@/lib/api";

export type Report = Schemas["Report"];
export type Notice = Schemas["Notice"];
export type AgreementRow = Schemas["AgreementRow"];
export type AssessorPairRow = Schemas["AssessorPairRow"];
export type PrecisionRow = Schemas["PrecisionRow"];
export type Undefined = Schemas["Undefined"];
export type ReportFigure = Schemas["Figure"];

export interface Release {
  id: number;
  created_at: string;
  sha256: string;
  byte_size: number;
  with_names: boolean;
  n_judgments: number;
  url: string;
}
