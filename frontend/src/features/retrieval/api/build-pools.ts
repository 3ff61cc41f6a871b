import { useMutation } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Job } from "@/lib/jobs";

/** Search every query with every method and pool the best results. */
export function useBuildPools(study: string) {
  return useMutation({
    mutationFn: () => api.post<{ job: Job }>(`studies/${study}/pools/`, {}),
  });
}
