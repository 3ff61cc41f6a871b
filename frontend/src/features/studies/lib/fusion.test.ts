import { describe, expect, it } from "vitest";
import {
  fusionName,
  fusionsOf,
  parseFusion,
  problemOfFusion,
  sameFusion,
  searchedMethods,
  titleOfMethod,
} from "./fusion";

const ORDER = ["r_full", "r_sum", "cld"];

describe("the name of a fusion", () => {
  it("says its kind and its members", () => {
    expect(parseFusion("combmnz_z(r_sum+cld)")).toEqual({
      kind: "combmnz_z",
      members: ["r_sum", "cld"],
    });
    expect(parseFusion("r_sum")).toBeNull();
  });

  it("has its members in the order of the page, runs from elsewhere last", () => {
    const fusion = { kind: "rrf", members: ["mine", "cld", "r_full"] };
    expect(fusionName(fusion, ORDER)).toBe("rrf(r_full+cld+mine)");
  });

  it("means the same in any order of its members", () => {
    expect(sameFusion("rrf(a+b)", "rrf(b+a)")).toBe(true);
    expect(sameFusion("rrf(a+b)", "combsum_z(a+b)")).toBe(false);
    expect(sameFusion("rrf(a+b)", "rrf(a+b+c)")).toBe(false);
    expect(sameFusion("a", "a")).toBe(false);
  });
});

it.each([
  { members: ["a"], chosen: [], problem: "Choose at least two methods to fuse." },
  { members: ["b", "a"], chosen: ["rrf(a+b)"], problem: "This fusion is in the study." },
  { members: ["b", "a"], chosen: ["combsum_z(a+b)", "a"], problem: null },
])("$members beside $chosen: $problem", ({ members, chosen, problem }) => {
  expect(problemOfFusion({ kind: "rrf", members }, chosen)).toBe(problem);
});

it("what has to be searched are the members, each once", () => {
  expect(searchedMethods(["a", "rrf(a+b)", "combsum_z(b+c)"])).toEqual(["a", "b", "c"]);
});

it("a method knows the fusions that are made of it", () => {
  expect(fusionsOf("b", ["b", "rrf(a+b)", "rrf(a+bb)"])).toEqual(["rrf(a+b)"]);
});

it("people read titles, not names", () => {
  const titles = new Map([
    ["rrf", "Reciprocal rank fusion"],
    ["cld", "Colour layout"],
  ]);
  expect(titleOfMethod("rrf(cld+mine)", titles)).toBe(
    "Reciprocal rank fusion of Colour layout + mine",
  );
  expect(titleOfMethod("cld", titles)).toBe("Colour layout");
  expect(titleOfMethod("mine", titles)).toBe("mine");
});
