import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { FusionKind } from "./types";

/** The ways to fuse methods. */
export const fusionKindsQuery = () =>
  queryOptions({
    queryKey: ["retrieval", "fusions"],
    queryFn: ({ signal }) => api.get<FusionKind[]>("fusions/", { signal }),
    staleTime: 600_000,
  });
