import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Design, Study } from "./types";

/** A new draft. */
export function useCreateStudy() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (
      design: Pick<Design, "name" | "collection" | "categories" | "queries"> & Partial<Design>,
    ) =>
      // What is still missing is added step by step.
      api.post<Study>("studies/", { design, draft: true }),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.studies }),
  });
}
