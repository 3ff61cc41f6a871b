/** What several methods found for one image: ranks, what is common, which methods to begin with. */
import type { Exploration, ExploredMethod, Method, Space } from "../api/types";

export const CUTOFFS = [5, 10, 20, 50] as const;
export type Cutoff = (typeof CUTOFFS)[number];

export const cutoffOf = (value: string | null): Cutoff =>
  CUTOFFS.find((n) => String(n) === value) ?? 10;

/** The first n of a method, by image: rank from 1. */
export function ranksOf(method: ExploredMethod, n: number): Map<string, number> {
  return new Map(method.hits.slice(0, n).map(({ image_id }, index) => [image_id, index + 1]));
}

/** For every image among the first n of any method: the methods that found it, in their order. */
export function findersOf(methods: readonly ExploredMethod[], n: number): Map<string, string[]> {
  const finders = new Map<string, string[]>();
  for (const { method, hits } of methods) {
    for (const { image_id } of hits.slice(0, n)) {
      finders.set(image_id, [...(finders.get(image_id) ?? []), method]);
    }
  }
  return finders;
}

/** How many images were found by exactly 1, 2, ... methods; all methods first. */
export function byNumberOfFinders(
  finders: ReadonlyMap<string, string[]>,
  methods: number,
): { finders: number; images: number }[] {
  const counts = new Array<number>(methods + 1).fill(0);
  for (const names of finders.values()) counts[names.length] = (counts[names.length] ?? 0) + 1;
  return counts
    .map((images, number) => ({ finders: number, images }))
    .slice(1)
    .reverse();
}

/** CR@n of two methods, whichever comes first; null while one of them has no answer. */
export function commonOf(
  { common }: Pick<Exploration, "common">,
  a: string,
  b: string,
  n: number,
): number | null {
  const found = common.find(
    (pair) =>
      pair.n === n &&
      ((pair.method_a === a && pair.method_b === b) ||
        (pair.method_a === b && pair.method_b === a)),
  );
  return found?.value ?? null;
}

/** Larger spaces are searched when somebody asks for them, not at once. */
const LARGE = 1_000_000_000;
const AT_FIRST = 4;

/** Methods whose space is complete; fusions are written from them. */
export function readyMethods(methods: readonly Method[], spaces: readonly Space[]): Method[] {
  const ready = new Set(spaces.filter(({ state }) => state === "ready").map(({ name }) => name));
  return methods.filter(({ space }) => ready.has(space));
}

/** The first few that answer quickly; what is left when all are large. */
export function methodsAtFirst(ready: readonly Method[], spaces: readonly Space[]): string[] {
  const bytes = new Map(spaces.map((space) => [space.name, space.bytes]));
  const quick = ready.filter(({ space }) => (bytes.get(space) ?? 0) < LARGE);
  return (quick.length > 0 ? quick : ready).slice(0, AT_FIRST).map(({ name }) => name);
}

export const isFusion = (name: string): boolean => name.includes("(");

/** `rrf(r_sum+cld)` */
export const fusionName = (kind: string, members: readonly string[]): string =>
  `${kind}(${members.join("+")})`;

/** The kind and members of a fusion's name, for reading. */
export function fusionParts(name: string): { kind: string; members: string[] } | null {
  const match = /^([^()]+)\(([^()]*)\)$/.exec(name);
  return match ? { kind: match[1] ?? "", members: (match[2] ?? "").split("+") } : null;
}

/** A score in at most seven characters: they stand under small images. */
export function scoreText(score: number): string {
  const size = Math.abs(score);
  if (size === 0) return "0";
  if (size >= 10_000 || size < 0.001) return score.toExponential(1).replace("-", "−");
  return score.toPrecision(size < 1 ? 3 : 4).replace("-", "−");
}
