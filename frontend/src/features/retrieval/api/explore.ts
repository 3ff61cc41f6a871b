import { queryOptions, type QueryClient } from "@tanstack/react-query";
import { api } from "@/lib/api";
import type { Exploration } from "./types";

/** An image from the disk or the clipboard; `id` tells two of them apart. */
export interface DroppedFile {
  id: string;
  file: File;
}

export type Picture = { imageId: string } | { dropped: DroppedFile };

/** As many as the report's deepest precision; what is shown is cut by n. */
export const DEPTH = 50;

/** Pauses between two looks at the answer, in ms: most come within the first few. */
const PAUSES = [60, 60, 80, 100, 150, 200, 300, 500];

export const isAnswered = ({ state }: Pick<Exploration, "state">): boolean =>
  state === "done" || state === "failed";

const keyOf = (picture: Picture): string =>
  "dropped" in picture ? `file:${picture.dropped.id}` : `image:${picture.imageId}`;

export const explorationKey = (slug: string, picture: Picture | null, methods: string[]) =>
  ["retrieval", "exploration", slug, picture === null ? "" : keyOf(picture), methods] as const;

/** Ask, and look until every method has answered; what is there already is shown meanwhile. */
export const explorationQuery = (
  client: QueryClient,
  slug: string,
  picture: Picture | null,
  methods: string[],
) => {
  const queryKey = explorationKey(slug, picture, methods);
  return queryOptions({
    queryKey,
    queryFn: async ({ signal }) => {
      if (picture === null) throw new Error("There is no image to look up.");
      let answer = await ask(slug, picture, methods, signal);
      for (let round = 0; !isAnswered(answer); round += 1) {
        if (answer.methods.some(({ state }) => state !== "waiting")) {
          client.setQueryData<Exploration>(queryKey, answer);
        }
        await pause(PAUSES[Math.min(round, PAUSES.length - 1)] ?? 500, signal);
        answer = await api.get<Exploration>(`explorations/${answer.id}/`, { signal });
      }
      return answer;
    },
    enabled: picture !== null && methods.length > 0,
    // The same question has the same answer, and a refusal is shown at once.
    staleTime: Infinity,
    retry: false,
    // One more method leaves the others' columns in place; another image does not.
    placeholderData: (before: Exploration | undefined, query) =>
      query?.queryKey[3] === queryKey[3] && query.queryKey[2] === slug ? before : undefined,
  });
};

function ask(slug: string, picture: Picture, methods: string[], signal: AbortSignal) {
  const path = `collections/${slug}/explorations/`;
  if (!("dropped" in picture)) {
    const body = { image_id: picture.imageId, methods, depth: DEPTH };
    return api.post<Exploration>(path, body, { signal });
  }
  const { file } = picture.dropped;
  const form = new FormData();
  form.set("file", file, file.name);
  for (const method of methods) form.append("methods", method);
  form.set("depth", String(DEPTH));
  return api.post<Exploration>(path, form, { signal });
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = window.setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      window.clearTimeout(timer);
      reject(new DOMException("The page asked for something else.", "AbortError"));
    });
  });
}
