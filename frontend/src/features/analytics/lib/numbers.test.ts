import { describe, expect, it } from "vitest";
import {
  cutWord,
  intervalOf,
  lowestAbove,
  measureWord,
  numberOf,
  pairReason,
  reasonFinder,
  scopeWord,
} from "./numbers";

describe("numberOf", () => {
  it.each([
    ["a share in percent, one place", 0.90413, "maa", "90.4"],
    ["nobody agrees is 0, which is a number", 0, "maa", "0.0"],
    ["everybody agrees", 1, "P@5", "100.0"],
    ["a coefficient as it is", -0.0712, "krippendorff_ordinal", "-0.071"],
    ["undefined is never 0", null, "maa", "n/a"],
  ])("%s", (_, value, measure, expected) => {
    expect(numberOf(value, measure)).toBe(expected);
  });
});

it("shows an interval only when it has both ends", () => {
  expect(intervalOf(0.861, 0.9321, "maa")).toBe("86.1 to 93.2");
  expect(intervalOf(null, 0.9, "maa")).toBe("n/a");
});

it.each([
  ["12-345", "1 2 | 3 4 5"],
  ["1-2345", "1 | 2 3 4 5"],
  ["exact", "exact level"],
])("reads the cut %s as %s", (cut, words) => {
  expect(cutWord(cut)).toBe(words);
});

it("finds the reason of an undefined number where values.csv has it", () => {
  const why = reasonFinder([
    { family: "maa", scope: "ALL", param: "12-345", reason: "no pair was judged twice" },
  ]);
  expect(why("maa", "all", "12-345")).toBe("no pair was judged twice");
  expect(why("maa", "Open", "12-345")).toBe("Undefined: there is nothing to compute it from.");
  expect(scopeWord("all")).toBe("All categories");
});

it("finds why two assessors have no value", () => {
  const row = { category: "Open", assessor_a: "A01", assessor_b: "A02" };
  const why = (family: string, category: string, param: string) =>
    [family, category, param].join(" ");
  expect(pairReason(why, { ...row, measure: "maa", aggregation: "exact" })).toBe(
    "maa_pair Open exact:A01~A02",
  );
  expect(pairReason(why, { ...row, measure: "cohen_linear", aggregation: "exact" }, "low")).toBe(
    "cohen_linear_ci Open A01~A02:low",
  );
});

it("names a mean over pairs of assessors as one", () => {
  expect(measureWord("cohen_linear")).toBe("Cohen’s κ (linear)");
  expect(measureWord("cohen_linear_mean")).toBe("Cohen’s κ (linear), mean");
});

it("reads the lowest relevant level, also of a scale listed from the top", () => {
  const scale = (...levels: number[]) => levels.map((level) => ({ level }));
  expect(lowestAbove("12-345", scale(5, 4, 3, 2, 1))).toBe(3);
  expect(lowestAbove("123456789-1011", scale(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11))).toBe(10);
});
