import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Pools } from "./types";

export const poolsKey = (study: string) => ["retrieval", "pools", study] as const;

export const poolsQuery = (study: string) =>
  queryOptions({
    queryKey: poolsKey(study),
    queryFn: ({ signal }) => api.get<Pools>(`studies/${study}/pools/`, { signal }),
  });
