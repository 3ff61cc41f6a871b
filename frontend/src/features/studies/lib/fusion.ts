/**
 * Fusions by name: `rrf(r_sum+cld)` is a kind over its members, as study.toml writes it.
 *
 * Pure: the server decides what holds; this says it before it is asked.
 */

export interface Fusion {
  kind: string;
  members: string[];
}

const FUSION = /^([^()]+)\(([^()]+)\)$/;

/** What a name is made of; null for a method that is no fusion. */
export function parseFusion(name: string): Fusion | null {
  const [, kind, members] = FUSION.exec(name) ?? [];
  return kind !== undefined && members !== undefined ? { kind, members: members.split("+") } : null;
}

/** The name of a fusion, its members in the order of the page. */
export function fusionName({ kind, members }: Fusion, order: readonly string[]): string {
  const known = order.filter((name) => members.includes(name));
  const others = members.filter((name) => !order.includes(name));
  return `${kind}(${[...known, ...others].join("+")})`;
}

/** Whether two names mean one fusion: the order of members says nothing. */
export function sameFusion(one: string, other: string): boolean {
  const [a, b] = [parseFusion(one), parseFusion(other)];
  return (
    a !== null &&
    b !== null &&
    a.kind === b.kind &&
    [...a.members].sort().join("+") === [...b.members].sort().join("+")
  );
}

/** Why this fusion cannot be added; null when it can. */
export function problemOfFusion(fusion: Fusion, chosen: readonly string[]): string | null {
  if (fusion.members.length < 2) return "Choose at least two methods to fuse.";
  const name = fusionName(fusion, []);
  return chosen.some((each) => sameFusion(each, name)) ? "This fusion is in the study." : null;
}

/** The methods that have to search: the chosen ones, with the members of fusions instead of them. */
export function searchedMethods(chosen: readonly string[]): string[] {
  return [...new Set(chosen.flatMap((name) => parseFusion(name)?.members ?? [name]))];
}

/** Fusions among `chosen` that are made of `method`. */
export function fusionsOf(method: string, chosen: readonly string[]): string[] {
  return chosen.filter((name) => parseFusion(name)?.members.includes(method));
}

/** What people call a method: a fusion by its kind and its members' titles. */
export function titleOfMethod(name: string, titles: ReadonlyMap<string, string>): string {
  const fusion = parseFusion(name);
  if (fusion === null) return titles.get(name) ?? name;
  const members = fusion.members.map((member) => titles.get(member) ?? member);
  return `${titles.get(fusion.kind) ?? fusion.kind} of ${members.join(" + ")}`;
}
