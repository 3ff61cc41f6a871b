import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";

/** Delete a draft that nobody judged. */
export function useDeleteStudy() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (slug: string) => api.delete(`studies/${slug}/`),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.studies }),
  });
}
