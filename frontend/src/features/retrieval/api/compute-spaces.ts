import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Job } from "@/lib/jobs";
import { spacesKey } from "./list-spaces";
import type { Device } from "./types";

/** Ask the workers to compute feature spaces of a collection. */
export function useComputeSpaces(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: { spaces: string[]; device: Device }) =>
      api.post<{ job: Job }>(`collections/${slug}/spaces/`, input),
    onSuccess: () => client.invalidateQueries({ queryKey: spacesKey(slug) }),
  });
}
