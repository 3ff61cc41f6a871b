import { describe, expect, it } from "vitest";

import type { Design } from "../api/types";
import {
  changeDesign,
  firstOpenStep,
  listed,
  missingIn,
  nextQueryIds,
  placesOf,
  unsavable,
  type DesignContext,
} from "./design";

const DESIGN: Design = {
  name: "Thorax",
  collection: "demo",
  description: "",
  protocol: "graded_pair",
  methods: ["cld", "ehd"],
  depth: 10,
  overlap: 0.1,
  seed: 7,
  categories: [
    { name: "Medical", groups: ["MD"], guidelines: "" },
    { name: "Open", groups: ["CS", "ML"], guidelines: "" },
  ],
  queries: [
    { id: "q001", category: "Medical", image: "a.jpg" },
    { id: "q002", category: "Open", image: "b.jpg" },
  ],
};

const CONTEXT: DesignContext = {
  groupSizes: { MD: 1, CS: 2, ML: 0 },
  readyMethods: ["cld", "ehd"],
  pools: { n_pairs: 30, n_queries: 2, depth: 10 },
  planned: false,
};

describe("nextQueryIds", () => {
  it.each([
    { name: "starts at q001", taken: [], count: 2, expected: ["q001", "q002"] },
    {
      name: "never gives a removed id to another image",
      taken: ["q001", "q004"],
      count: 1,
      expected: ["q005"],
    },
    { name: "steps around ids of another form", taken: ["moon"], count: 1, expected: ["q002"] },
    { name: "outgrows three digits", taken: ["q999"], count: 1, expected: ["q1000"] },
  ])("$name", ({ taken, count, expected }) => {
    expect(nextQueryIds(taken, count)).toEqual(expected);
  });
});

describe("changeDesign", () => {
  it("takes the queries along when a category is renamed", () => {
    const after = changeDesign(DESIGN, {
      type: "change_category",
      index: 0,
      change: { name: "Chest" },
    });
    expect(after.categories.map((category) => category.name)).toEqual(["Chest", "Open"]);
    expect(after.queries.map((query) => query.category)).toEqual(["Chest", "Open"]);
  });

  it("removes a category with its queries, and nothing of the design it was given", () => {
    const after = changeDesign(DESIGN, { type: "remove_category", index: 0 });
    expect(after.queries.map((query) => query.id)).toEqual(["q002"]);
    expect(DESIGN.queries).toHaveLength(2);
  });

  it("brings a removed category back to its place, beside what was done since", () => {
    const [category] = DESIGN.categories;
    const queries = placesOf(DESIGN, (query) => query.category === "Medical");
    const removed = changeDesign(DESIGN, { type: "remove_category", index: 0 });
    const since = changeDesign(removed, { type: "set", change: { depth: 20 } });
    const back = changeDesign(since, {
      type: "restore",
      category: { at: 0, category: category as NonNullable<typeof category> },
      queries,
    });
    expect(back).toEqual({ ...DESIGN, depth: 20 });
  });

  it("does not bring back a query whose image was picked again", () => {
    const queries = placesOf(DESIGN, (query) => query.id === "q001");
    const removed = changeDesign(DESIGN, { type: "remove_queries", ids: ["q001"] });
    const again = changeDesign(removed, {
      type: "add_queries",
      category: "Open",
      images: ["a.jpg"],
    });
    expect(changeDesign(again, { type: "restore", queries })).toEqual(again);
  });

  it("adds an image as a query once, whatever is asked", () => {
    const after = changeDesign(DESIGN, {
      type: "add_queries",
      category: "Open",
      images: ["b.jpg", "c.jpg", "c.jpg", "d.jpg"],
    });
    expect(after.queries.slice(2)).toEqual([
      { id: "q003", category: "Open", image: "c.jpg" },
      { id: "q004", category: "Open", image: "d.jpg" },
    ]);
  });

  it("keeps methods in the order of the registry, unknown ones last", () => {
    const order = ["r_full", "cld", "ehd"];
    const more = changeDesign(
      { ...DESIGN, methods: ["own", "ehd"] },
      { type: "toggle_method", method: "r_full", order },
    );
    expect(more.methods).toEqual(["r_full", "ehd", "own"]);
    expect(changeDesign(more, { type: "toggle_method", method: "ehd", order }).methods).toEqual([
      "r_full",
      "own",
    ]);
  });

  it("moves a category, and leaves the first where it is when moved up", () => {
    const down = changeDesign(DESIGN, { type: "move_category", index: 0, by: 1 });
    expect(down.categories.map((category) => category.name)).toEqual(["Open", "Medical"]);
    expect(changeDesign(DESIGN, { type: "move_category", index: 0, by: -1 })).toBe(DESIGN);
  });
});

describe("missingIn", () => {
  it("finds nothing but the launch in a whole design", () => {
    const missing = missingIn(DESIGN, CONTEXT);
    expect(missing).toEqual({
      collection: null,
      categories: null,
      queries: null,
      methods: null,
      pools: null,
      plan: "The study is not launched yet.",
    });
    expect(firstOpenStep(missing)).toBe("plan");
  });

  it.each([
    ["a name", { name: " " }, {}, "collection", "The study needs a name."],
    ["a category", { categories: [] }, {}, "categories", "Add at least one category."],
    [
      "a group with people in it",
      { categories: [{ name: "Medical", groups: ["ML"], guidelines: "" }] },
      {},
      "categories",
      "Nobody is in ML yet, so nobody would judge “Medical”.",
    ],
    [
      "another name than all",
      { categories: [{ name: "ALL", groups: ["MD"], guidelines: "" }] },
      {},
      "categories",
      "“All” stands for all categories together: choose another name.",
    ],
    [
      "names that differ by more than case",
      {
        categories: [
          { name: "Open", groups: ["MD"], guidelines: "" },
          { name: "open ", groups: ["MD"], guidelines: "" },
        ],
      },
      {},
      "categories",
      "Two categories are called “open”.",
    ],
    ["a query", { queries: [] }, {}, "queries", "Choose at least one query image."],
    [
      "a query in every category",
      { queries: [{ id: "q001", category: "Medical", image: "a.jpg" }] },
      {},
      "queries",
      "“Open” has no query yet.",
    ],
    ["a method", { methods: [] }, {}, "methods", "Choose at least one search method."],
    [
      "a depth of at least 1",
      { depth: 0 },
      {},
      "methods",
      "The pool depth is a whole number from 1.",
    ],
    [
      "a feature space",
      {},
      { readyMethods: ["cld"] },
      "methods",
      "ehd waits for its feature space.",
    ],
    ["pools", {}, { pools: null }, "pools", "The pools are not built yet."],
    [
      "pools of this depth",
      { depth: 20 },
      {},
      "pools",
      "The pools were built at depth 10; the design now says 20.",
    ],
    [
      "pools of every query",
      {},
      { pools: { n_pairs: 12, n_queries: 1, depth: 10 } },
      "pools",
      "1 query has no pool yet.",
    ],
  ] as const)("asks for %s", (_, design, context, step, sentence) => {
    const missing = missingIn(
      { ...DESIGN, ...(design as Partial<Design>) },
      { ...CONTEXT, ...context },
    );
    expect(missing[step]).toBe(sentence);
  });
});

describe("unsavable", () => {
  it("keeps a draft that has only a name and methods", () => {
    expect(unsavable({ ...DESIGN, categories: [], queries: [] })).toBeNull();
  });

  it("waits while a name is being typed", () => {
    const categories = [{ name: "", groups: [], guidelines: "" }];
    expect(unsavable({ ...DESIGN, categories })).toBe("A category needs a name.");
    expect(unsavable({ ...DESIGN, name: "" })).toBe("The study needs a name.");
  });
});

describe("listed", () => {
  it("reads like a sentence", () => {
    expect([listed([]), listed(["A"]), listed(["A", "B"]), listed(["A", "B", "C"])]).toEqual([
      "",
      "A",
      "A and B",
      "A, B and C",
    ]);
  });
});

it("a fusion waits for the feature spaces of its members, and stands after them", () => {
  const fused = changeDesign(DESIGN, {
    type: "toggle_method",
    method: "rrf(cld+r_sum)",
    order: ["r_sum", "cld", "ehd"],
  });
  expect(fused.methods).toEqual(["cld", "ehd", "rrf(cld+r_sum)"]);
  expect(missingIn(fused, CONTEXT).methods).toBe("r_sum waits for its feature space.");
  expect(
    missingIn(fused, { ...CONTEXT, readyMethods: ["cld", "ehd", "r_sum"] }).methods,
  ).toBeNull();
});
