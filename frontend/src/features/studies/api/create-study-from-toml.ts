import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Study } from "./types";

/** A new draft from a study.toml; the collection may be named in the file or beside it. */
export function useCreateStudyFromToml() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: { toml: string; collection?: string }) =>
      api.post<Study>("studies/from-toml/", input),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.studies }),
  });
}
