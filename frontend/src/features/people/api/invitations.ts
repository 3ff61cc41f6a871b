import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Invitation, NewInvitation, Role } from "./types";

const KEY = ["people", "invitations"] as const;

export const invitationsQuery = () =>
  queryOptions({
    queryKey: KEY,
    queryFn: ({ signal }) => api.get<Invitation[]>("invitations/", { signal }),
  });

export interface InvitationInput {
  role: Role;
  groups: string[];
  note: string;
}

/** Make a link; it is in this answer and nowhere else. */
export function useInvite() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: InvitationInput) => api.post<NewInvitation>("invitations/", input),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}

export function useWithdrawInvitation() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (id: number) => api.delete(`invitations/${id}/`),
    onSuccess: () => client.invalidateQueries({ queryKey: KEY }),
  });
}
