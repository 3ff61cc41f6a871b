import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Report } from "./types";

/** Every number of a study, computed from what is judged by now. */
export const reportQuery = (study: string) =>
  queryOptions({
    queryKey: ["analytics", "report", study],
    queryFn: ({ signal }) => api.get<Report>(`studies/${study}/report/`, { signal }),
    staleTime: 60_000,
  });

export const FIGURE_FORMATS = ["svg", "png", "pdf"] as const;

export const figureUrl = (study: string, name: string, format: string) =>
  `/api/v1/studies/${study}/report/figures/${name}.${format}`;

export const tableUrl = (study: string, name: string, format: "csv" | "tex") =>
  `/api/v1/studies/${study}/report/tables/${name}.${format}`;
