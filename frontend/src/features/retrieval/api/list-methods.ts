import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Method } from "./types";

/** Every search method that this installation knows. */
export const methodsQuery = () =>
  queryOptions({
    queryKey: ["retrieval", "methods"],
    queryFn: ({ signal }) => api.get<Method[]>("methods/", { signal }),
    staleTime: 600_000,
  });
