import { queryOptions } from "@tanstack/react-query";
import { api } from "@/lib/api";
import { keys } from "./keys";
import type { Collection } from "./types";

export const collectionQuery = (slug: string) =>
  queryOptions({
    queryKey: keys.collection(slug),
    queryFn: ({ signal }) => api.get<Collection>(`collections/${slug}/`, { signal }),
  });
