import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";

export interface Screening {
  image_ids: string[];
  /** Why they do not take part; empty takes them back in. */
  excluded: string;
}

/** Mark images as not taking part, or take them back in. */
export function useExcludeImages(slug: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: Screening) =>
      api.patch<{ changed: number }>(`collections/${slug}/images/`, input),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.collection(slug) }),
  });
}
