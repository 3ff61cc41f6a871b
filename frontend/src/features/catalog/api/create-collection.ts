import { useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Collection } from "./types";

export interface NewCollection {
  name: string;
  description?: string;
}

export function useCreateCollection() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: NewCollection) => api.post<Collection>("collections/", input),
    onSuccess: () => client.invalidateQueries({ queryKey: keys.collections }),
  });
}
