import { queryOptions, useMutation, useQueryClient } from "@tanstack/react-query";
import { api, type Page } from "@/lib/api";
import type { Person, Role } from "./types";

const KEY = ["people", "list"] as const;

/** Everyone with an account; a site has few enough for the page to search them itself. */
export const peopleQuery = () =>
  queryOptions({
    queryKey: KEY,
    queryFn: async ({ signal }) => {
      const people: Person[] = [];
      for (let page = 1; ; page += 1) {
        const answer = await api.get<Page<Person>>("people/", {
          query: { page, page_size: 200 },
          signal,
        });
        people.push(...answer.results);
        if (answer.next === null) return people;
      }
    },
  });

export interface PersonChange {
  id: number;
  role?: Role;
  groups?: string[];
  is_active?: boolean;
  display_name?: string;
}

export function useChangePerson() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: ({ id, ...change }: PersonChange) => api.patch<Person>(`people/${id}/`, change),
    onSuccess: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
}

export interface NewPerson {
  username: string;
  display_name: string;
  role: Role;
  groups: string[];
}

/** Make an account; the password is in this answer and nowhere else. */
export function useCreatePerson() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: (input: NewPerson) =>
      api.post<{ user: Person; password: string }>("people/", input),
    onSuccess: () => client.invalidateQueries({ queryKey: ["people"] }),
  });
}
