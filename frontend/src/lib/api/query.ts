import { QueryClient } from "@tanstack/react-query";
import { ApiError } from "./problem";

/** Reads are repeated when waiting may mend them; a refusal is shown at once. */
export function makeQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (failures, error) =>
          failures < 2 &&
          (!(error instanceof ApiError) || (error.isPassing && error.status !== 429)),
        refetchOnWindowFocus: true,
      },
      mutations: { retry: false },
    },
  });
}
