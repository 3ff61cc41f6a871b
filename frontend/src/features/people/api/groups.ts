import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Group } from "./types";

const KEY = ["people", "groups"] as const;

/** Groups of expertise. */
export const groupsQuery = () =>
  queryOptions({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<Group[]>("groups/", { signal }),
  });

export function useCreateGroup() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: { name: string; description?: string }) =>
      api.post<Group>("groups/", input),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}
