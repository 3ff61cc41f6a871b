import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Study } from "./types";

/** End the judging of a study, or let it go on. */
export function useSetStudyState(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (act: "close" | "reopen") => api.post<Study>(`studies/${slug}/${act}/`),
    onSuccess: (study) => {
      client.setQueryData(keys.study(slug), study);
      return client.invalidateQueries({ queryKey: keys.studies });
    },
  });
}
