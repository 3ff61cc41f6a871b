import type { AssessStudy, ScaleLevel } from "../../api/types";

/** Levels in the order of the keys: least similar first. */
export const ascending = (scale: readonly ScaleLevel[]): ScaleLevel[] =>
  [...scale].sort((a, b) => a.level - b.level);

/** The key of a level: its digit; 10 is 0 and 11 is the key beside it. */
export function keyOfLevel(level: number, scale: readonly ScaleLevel[]): string {
  if (level >= 0 && level <= 9) return String(level);
  const hasZero = scale.some((each) => each.level === 0);
  return level === 10 && !hasZero ? "0" : "-";
}

export function levelOfKey(key: string, scale: readonly ScaleLevel[]): number | undefined {
  return scale.find(({ level }) => keyOfLevel(level, scale) === key)?.level;
}

export function wordsOfLevel(level: number, study: Pick<AssessStudy, "scale">): string {
  const name = study.scale.find((each) => each.level === level)?.name;
  return name ? `${level} ${name}` : String(level);
}
