import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { QUALITATIVE } from "./palette";
import { levelColours, levelRamp, luminance } from "./levels";

describe("levelRamp", () => {
  it.each(Array.from({ length: 10 }, (_, i) => i + 2))("%i levels grow darker", (n) => {
    const ramp = levelRamp(n);
    expect(ramp).toHaveLength(n);
    for (let i = 1; i < n; i += 1) {
      expect(luminance(ramp[i]!)).toBeLessThan(luminance(ramp[i - 1]!));
    }
  });

  it("has the same ends for every scale", () => {
    expect([levelRamp(2)[0], levelRamp(11)[0]]).toEqual(["#eadfae", "#eadfae"]);
    expect([levelRamp(2)[1], levelRamp(11)[10]]).toEqual(["#263f87", "#263f87"]);
  });

  it.each([1, 12, 2.5])("refuses %d levels", (n) => {
    expect(() => levelRamp(n)).toThrow(RangeError);
  });
});

describe("levelColours", () => {
  it.each([2, 3, 4, 5, 6, 7, 8, 9, 10, 11])(
    "is readable on each of %i levels (contrast >= 4.5)",
    (n) => {
      const colours = levelColours(Array.from({ length: n }, (_, i) => i + 1));
      for (const { background, foreground } of colours.values()) {
        const [low, high] = [luminance(background), luminance(foreground)].sort((a, b) => a - b);
        expect((high! + 0.05) / (low! + 0.05)).toBeGreaterThanOrEqual(4.5);
      }
    },
  );

  it("goes by order, not by number: a scale 0..2 has both ends", () => {
    const colours = levelColours([2, 0, 1]);
    expect(colours.get(0)!.background).toBe("#eadfae");
    expect(colours.get(2)!.background).toBe("#263f87");
  });
});

it("figures and pages have the same colours", () => {
  const python = readFileSync("../apps/analytics/palette.py", "utf-8");
  const listed = (name: string) =>
    [...new RegExp(`^${name} = \\(([^)]*)\\)`, "m").exec(python)![1]!.matchAll(/#\w{6}/g)].map(
      ([hex]) => hex.toLowerCase(),
    );
  expect(listed("RAMP")).toEqual(levelRamp(5));
  expect(listed("QUALITATIVE")).toEqual([...QUALITATIVE]);
});
