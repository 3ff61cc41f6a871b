import { describe, expect, it } from "vitest";
import type { ExploredMethod, Method, Space } from "../api/types";
import {
  byNumberOfFinders,
  commonOf,
  cutoffOf,
  findersOf,
  fusionName,
  fusionParts,
  methodsAtFirst,
  ranksOf,
  readyMethods,
  scoreText,
} from "./explorer";

const found = (method: string, ids: string): ExploredMethod => ({
  method,
  state: "done",
  error: "",
  hits: [...ids].map((image_id, index) => ({ image_id, score: -index })),
});
const METHODS = [found("cld", "abcd"), found("ehd", "bxay"), found("gf", "zbqa")];

describe("what methods have in common", () => {
  it("ranks count from 1 and end at n", () => {
    expect([...ranksOf(METHODS[0]!, 2)]).toEqual([
      ["a", 1],
      ["b", 2],
    ]);
  });

  it("an image knows who found it among the first n, in the order of the methods", () => {
    expect(findersOf(METHODS, 2).get("b")).toEqual(["cld", "ehd", "gf"]);
    expect(findersOf(METHODS, 2).get("a")).toEqual(["cld"]);
    expect(findersOf(METHODS, 4).get("a")).toEqual(["cld", "ehd", "gf"]);
  });

  it("counts images by the number of methods that found them, all methods first", () => {
    expect(byNumberOfFinders(findersOf(METHODS, 4), 3)).toEqual([
      { finders: 3, images: 2 },
      { finders: 2, images: 0 },
      { finders: 1, images: 6 },
    ]);
    expect(byNumberOfFinders(new Map(), 2)).toEqual([
      { finders: 2, images: 0 },
      { finders: 1, images: 0 },
    ]);
  });

  it("finds the ratio of two methods in either order, and none where there is none", () => {
    const common = [{ method_a: "cld", method_b: "ehd", n: 10, value: 0.3 }];
    expect(commonOf({ common }, "ehd", "cld", 10)).toBe(0.3);
    expect(commonOf({ common }, "cld", "ehd", 20)).toBeNull();
    expect(commonOf({ common }, "cld", "gf", 10)).toBeNull();
  });
});

describe("which methods to begin with", () => {
  const method = (name: string, space = name) => ({ name, space }) as Method;
  const space = (name: string, state: Space["state"], bytes = 1000) =>
    ({ name, state, bytes }) as Space;

  it("takes those whose space is complete, and leaves the large ones for later", () => {
    const methods = ["r_full", "r_sum", "gf", "cld", "ehd", "cw"].map((name) => method(name));
    const spaces = [
      space("r_full", "ready", 5e9),
      ...["r_sum", "gf", "cld", "ehd"].map((name) => space(name, "ready")),
      space("cw", "partial"),
    ];
    const ready = readyMethods(methods, spaces);
    expect(ready.map(({ name }) => name)).toEqual(["r_full", "r_sum", "gf", "cld", "ehd"]);
    expect(methodsAtFirst(ready, spaces)).toEqual(["r_sum", "gf", "cld", "ehd"]);
  });

  it("takes a large one when there is no other", () => {
    const spaces = [space("r_full", "ready", 5e9)];
    expect(methodsAtFirst([method("r_full")], spaces)).toEqual(["r_full"]);
  });
});

it("n is one of four, 10 when it is not", () => {
  expect([cutoffOf("50"), cutoffOf("7"), cutoffOf(null)]).toEqual([50, 10, 10]);
});

it("fusions are written and read", () => {
  expect(fusionName("rrf", ["r_sum", "cld"])).toBe("rrf(r_sum+cld)");
  expect(fusionParts("rrf(r_sum+cld)")).toEqual({ kind: "rrf", members: ["r_sum", "cld"] });
  expect(fusionParts("cld")).toBeNull();
});

it.each([
  [-12.3456, "−12.35"],
  [0.032786, "0.0328"],
  [0, "0"],
  [-1234.5, "−1235"],
  [-123456, "−1.2e+5"],
  [0.00004, "4.0e−5"],
])("a score of %d is shown as %s", (score, text) => {
  expect(scoreText(score)).toBe(text);
});
