/**
 * The design of a study while it is being made: changes to it, and what is still missing.
 *
 * Pure: no server and no page. The server decides what holds; this says it before it is asked.
 */
import type { Design, DesignCategory, DesignQuery, Study, StudyQuery } from "../api/types";
import { searchedMethods } from "./fusion";

export const STEPS = ["collection", "categories", "queries", "methods", "pools", "plan"] as const;
export type Step = (typeof STEPS)[number];

export const STEP_TITLES: Record<Step, string> = {
  collection: "Collection",
  categories: "Categories",
  queries: "Queries",
  methods: "Methods",
  pools: "Pools",
  plan: "Plan",
};

export function isStep(value: string | null): value is Step {
  return value !== null && (STEPS as readonly string[]).includes(value);
}

export type DesignAction =
  | { type: "load"; design: Design }
  | { type: "set"; change: Partial<Omit<Design, "categories" | "queries">> }
  | { type: "add_category"; name: string; groups?: string[] }
  | { type: "change_category"; index: number; change: Partial<DesignCategory> }
  | { type: "remove_category"; index: number }
  | { type: "move_category"; index: number; by: -1 | 1 }
  | { type: "add_queries"; category: string; images: string[] }
  | { type: "change_query"; id: string; change: Partial<Pick<DesignQuery, "category">> }
  | { type: "remove_queries"; ids: string[] }
  | {
      type: "restore";
      /** What was removed, with the places where it stood. */
      category?: { at: number; category: DesignCategory };
      queries: { at: number; query: DesignQuery }[];
    }
  | { type: "toggle_method"; method: string; order: string[] };

/** The design as the server has it, in the words of study.toml. */
export function designOf(
  study: Study,
  queries: Pick<StudyQuery, "id" | "category" | "image">[],
): Design {
  return {
    name: study.name,
    collection: study.collection,
    description: study.description,
    protocol: study.protocol,
    methods: study.methods,
    depth: study.depth,
    overlap: study.overlap,
    seed: study.seed,
    categories: study.categories.map(({ name, groups, guidelines }) => ({
      name,
      groups,
      guidelines,
    })),
    queries: queries.map(({ id, category, image }) => ({ id, category, image: image.image_id })),
  };
}

/** `q001`, `q002`, ...: the next ids that no query has. */
export function nextQueryIds(taken: readonly string[], count: number): string[] {
  const used = new Set(taken);
  const ids: string[] = [];
  let number = taken.length + 1;
  // Go on after the highest number in use, so that a removed id never comes to mean another image.
  for (const id of taken) {
    const match = /^q(\d+)$/.exec(id);
    if (match) number = Math.max(number, Number(match[1]) + 1);
  }
  while (ids.length < count) {
    const id = `q${String(number).padStart(3, "0")}`;
    if (!used.has(id)) ids.push(id);
    number += 1;
  }
  return ids;
}

export function changeDesign(design: Design, action: DesignAction): Design {
  switch (action.type) {
    case "load":
      return action.design;
    case "set":
      return { ...design, ...action.change };
    case "add_category":
      return {
        ...design,
        categories: [
          ...design.categories,
          { name: action.name, groups: action.groups ?? [], guidelines: "" },
        ],
      };
    case "change_category": {
      const before = design.categories[action.index];
      if (before === undefined) return design;
      const after = { ...before, ...action.change };
      return {
        ...design,
        categories: design.categories.map((category, index) =>
          index === action.index ? after : category,
        ),
        // Queries name their category, so they follow when it is renamed.
        queries:
          after.name === before.name
            ? design.queries
            : design.queries.map((query) =>
                query.category === before.name ? { ...query, category: after.name } : query,
              ),
      };
    }
    case "remove_category": {
      const removed = design.categories[action.index];
      if (removed === undefined) return design;
      return {
        ...design,
        categories: design.categories.filter((_, index) => index !== action.index),
        queries: design.queries.filter((query) => query.category !== removed.name),
      };
    }
    case "move_category": {
      const to = action.index + action.by;
      const moved = design.categories[action.index];
      if (moved === undefined || to < 0 || to >= design.categories.length) return design;
      const rest = design.categories.filter((_, index) => index !== action.index);
      return { ...design, categories: [...rest.slice(0, to), moved, ...rest.slice(to)] };
    }
    case "add_queries": {
      const present = new Set(design.queries.map((query) => query.image));
      const fresh = [...new Set(action.images)].filter((image) => !present.has(image));
      if (fresh.length === 0) return design;
      const ids = nextQueryIds(
        design.queries.map((query) => query.id),
        fresh.length,
      );
      return {
        ...design,
        queries: [
          ...design.queries,
          ...fresh.map((image, index) => ({
            id: ids[index] ?? "",
            category: action.category,
            image,
          })),
        ],
      };
    }
    case "change_query":
      return {
        ...design,
        queries: design.queries.map((query) =>
          query.id === action.id ? { ...query, ...action.change } : query,
        ),
      };
    case "remove_queries": {
      const gone = new Set(action.ids);
      return { ...design, queries: design.queries.filter((query) => !gone.has(query.id)) };
    }
    case "restore":
      return restored(design, action);
    case "toggle_method": {
      const chosen = new Set(design.methods);
      if (!chosen.delete(action.method)) chosen.add(action.method);
      return { ...design, methods: inOrder(chosen, action.order) };
    }
  }
}

function restored(
  design: Design,
  { category, queries }: Extract<DesignAction, { type: "restore" }>,
): Design {
  const categories = [...design.categories];
  if (category && !categories.some(({ name }) => name === category.category.name))
    categories.splice(category.at, 0, category.category);
  const all = [...design.queries];
  for (const { at, query } of queries) {
    // Somebody may have picked the image again in the meantime.
    if (!all.some(({ id, image }) => id === query.id || image === query.image))
      all.splice(at, 0, query);
  }
  return { ...design, categories, queries: all };
}

/** What "restore" needs to bring these queries back. */
export function placesOf(
  design: Design,
  isRemoved: (query: DesignQuery) => boolean,
): { at: number; query: DesignQuery }[] {
  return design.queries.flatMap((query, at) => (isRemoved(query) ? [{ at, query }] : []));
}

function inOrder(chosen: Set<string>, order: readonly string[]): string[] {
  const known = order.filter((method) => chosen.has(method));
  return [...known, ...[...chosen].filter((method) => !order.includes(method))];
}

/**
 * What the server would refuse of a design that is still being made, such as a name that is being
 * typed; null when it can be kept as it is.
 */
export function unsavable(design: Design): string | null {
  if (design.name.trim() === "") return "The study needs a name.";
  return (
    problemOfNames(design) ??
    (design.methods.length === 0 ? "Choose at least one search method." : null) ??
    problemOfNumbers(design)
  );
}

function problemOfNames({ categories }: Design): string | null {
  const seen = new Set<string>();
  for (const { name } of categories) {
    const plain = name.trim().toLowerCase();
    if (plain === "") return "A category needs a name.";
    if (plain === "all") return "“All” stands for all categories together: choose another name.";
    if (seen.has(plain)) return `Two categories are called “${name.trim()}”.`;
    seen.add(plain);
  }
  return null;
}

function problemOfNumbers({ depth, overlap, seed }: Design): string | null {
  if (!Number.isInteger(depth) || depth < 1) return "The pool depth is a whole number from 1.";
  if (!(overlap >= 0 && overlap <= 1)) return "The overlap is a share between 0 and 100 %.";
  if (!Number.isInteger(seed) || seed < 0) return "The seed is a whole number from 0.";
  return null;
}

/** What the steps need to know besides the design. */
export interface DesignContext {
  /** Groups that have members, by name. */
  groupSizes: Readonly<Record<string, number>>;
  /** Methods whose feature space is complete, and imported runs; null while that is being asked. */
  readyMethods: readonly string[] | null;
  /** Pairs in the pools, and the depth they were built with; null before that is known. */
  pools: { n_pairs: number; n_queries: number; depth: number } | null;
  planned: boolean;
}

/** One sentence a step: what is missing, or null when nothing is. */
export function missingIn(design: Design, context: DesignContext): Record<Step, string | null> {
  return {
    collection: missingCollection(design),
    categories: missingCategories(design, context.groupSizes),
    queries: missingQueries(design),
    methods: missingMethods(design, context.readyMethods),
    pools: missingPools(design, context.pools),
    plan: context.planned ? null : "The study is not launched yet.",
  };
}

/** The first step with something to do: where the page opens. */
export function firstOpenStep(missing: Record<Step, string | null>): Step {
  return STEPS.find((step) => missing[step] !== null) ?? "plan";
}

function missingCollection(design: Design): string | null {
  if (design.name.trim() === "") return "The study needs a name.";
  if (design.collection === "") return "Choose the collection that the study searches.";
  return null;
}

function missingCategories(
  design: Design,
  groupSizes: Readonly<Record<string, number>>,
): string | null {
  if (design.categories.length === 0) return "Add at least one category.";
  const problem = problemOfNames(design);
  if (problem !== null) return problem;
  for (const { name, groups } of design.categories) {
    if (groups.length === 0) return `“${name}” names no group, so nobody would judge it.`;
    if (groups.every((group) => (groupSizes[group] ?? 0) === 0))
      return `Nobody is in ${listed(groups)} yet, so nobody would judge “${name}”.`;
  }
  return null;
}

function missingQueries(design: Design): string | null {
  if (design.queries.length === 0) return "Choose at least one query image.";
  const names = new Set(design.categories.map((category) => category.name));
  const stray = design.queries.find((query) => !names.has(query.category));
  if (stray) return `Query ${stray.id} names no category of this study.`;
  const counted = new Set(design.queries.map((query) => query.category));
  const empty = design.categories.find((category) => !counted.has(category.name));
  return empty ? `“${empty.name}” has no query yet.` : null;
}

function missingMethods(design: Design, ready: readonly string[] | null): string | null {
  if (design.methods.length === 0) return "Choose at least one search method.";
  const problem = problemOfNumbers(design);
  if (problem !== null) return problem;
  if (ready === null) return null;
  const lacking = searchedMethods(design.methods).filter((method) => !ready.includes(method));
  return lacking.length > 0
    ? `${listed(lacking)} ${lacking.length === 1 ? "waits for its" : "wait for their"} feature space.`
    : null;
}

function missingPools(design: Design, pools: DesignContext["pools"]): string | null {
  if (pools === null || pools.n_pairs === 0) return "The pools are not built yet.";
  if (pools.depth !== design.depth)
    return `The pools were built at depth ${pools.depth}; the design now says ${design.depth}.`;
  if (pools.n_queries < design.queries.length) {
    const without = design.queries.length - pools.n_queries;
    return `${without} ${without === 1 ? "query has" : "queries have"} no pool yet.`;
  }
  return null;
}

/** `A`, `A and B`, `A, B and C`. */
export function listed(words: readonly string[]): string {
  if (words.length < 2) return words.join("");
  return `${words.slice(0, -1).join(", ")} and ${words[words.length - 1] ?? ""}`;
}
