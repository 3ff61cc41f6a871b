import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Job } from "@/lib/jobs";

/** Stop a job, or open its failed and cancelled parts again. */
export function useActOnJob(id: number) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (act: "cancel" | "retry") => api.post<Job>(`jobs/${id}/${act}/`),
    onSuccess: () => client.invalidateQueries({ queryKey: ["jobs"] }),
  });
}
