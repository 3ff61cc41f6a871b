import { queryOptions, useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Session, User } from "./types";

export const sessionQuery = queryOptions({
  queryKey: ["session"],
  queryFn: ({ signal }) => api.get<Session>("auth/session/", { signal }),
  staleTime: 5 * 60_000,
});

/** The person who is signed in, or null. Suspends until that is known. */
export function useUser(): User | null {
  return useSuspenseQuery(sessionQuery).data.user;
}

/** The person who is signed in; for pages behind the guard only. */
export function useSignedInUser(): User {
  const user = useUser();
  if (!user) throw new Error("This page needs someone who is signed in.");
  return user;
}

export function useSignIn() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { username: string; password: string }) =>
      api.post<{ user: User }>("auth/login/", body),
    onSuccess: ({ user }) => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      client.setQueryData(sessionQuery.queryKey, { user });
    },
  });
}

export function useSignOut() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => api.post<void>("auth/logout/"),
    onSuccess: () => {
      client.removeQueries({ predicate: (query) => query.queryKey[0] !== "session" });
      client.setQueryData(sessionQuery.queryKey, { user: null });
    },
  });
}

export function useSaveProfile() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (body: { display_name?: string; preferences?: User["preferences"] }) =>
      api.patch<{ user: User }>("auth/session/", body),
    onSuccess: ({ user }) => client.setQueryData(sessionQuery.queryKey, { user }),
  });
}

export function useChangePassword() {
  return useMutation({
    mutationFn: (body: { old_password: string; new_password: string }) =>
      api.post<void>("auth/password/", body),
  });
}
