import { expect, it } from "vitest";
import { ascending, keyOfLevel, levelOfKey, wordsOfLevel } from "./levels";

const scale = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({
    level: to - i,
    name: `L${to - i}`,
    description: "",
  }));

it.each([
  ["five levels", 1, 5, ["1", "2", "3", "4", "5"]],
  ["two levels from 0", 0, 1, ["0", "1"]],
  ["eleven levels from 1", 1, 11, ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0", "-"]],
  ["eleven levels from 0", 0, 10, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "-"]],
])("%s have a key each, and the key finds the level", (_, from, to, keys) => {
  const levels = scale(from, to);
  expect(ascending(levels).map(({ level }) => keyOfLevel(level, levels))).toEqual(keys);
  for (const { level } of levels) expect(levelOfKey(keyOfLevel(level, levels), levels)).toBe(level);
});

it.each(["6", "0", "a", "Enter"])("%s is no level of five", (key) => {
  expect(levelOfKey(key, scale(1, 5))).toBeUndefined();
});

it("names a level by number and word", () => {
  expect(wordsOfLevel(2, { scale: scale(1, 5) })).toBe("2 L2");
});
