import { expect, it } from "vitest";
import type { ScreenedImage, Training } from "../api/types";
import { chance, decidedWords, trainingWords, verdictWords } from "./screening";

const NOON = new Date("2026-03-01T12:00:00Z").getTime();
const image: ScreenedImage = {
  image_id: "a.png",
  width: 64,
  height: 48,
  excluded: "",
  thumb_url: "",
  image_url: "",
  label: "",
  labelled_by: null,
  labelled_at: null,
  predicted: "",
  illustration: null,
  several: null,
  doubt: null,
  boxes: [],
  problem: "",
};
const training: Training = {
  n_illustrations: 5,
  n_kept: 7,
  least: 5,
  labels_since: 3,
  every: 10,
  possible: true,
  trained_at: "2026-03-01T11:58:00Z",
  trained_on: 9,
  precision: 1,
  recall: 0.8,
};

it("never calls a probability certain", () => {
  expect([0, 0.004, 0.5, 0.999, 1].map(chance)).toEqual(["1 %", "1 %", "50 %", "99 %", "99 %"]);
});

it.each([
  [{}, ""],
  [{ several: 0, boxes: [[0, 0, 1, 1]] }, "One panel"],
  [{ several: 0.88, boxes: [[], []], illustration: 0.97 }, "2 panels 88 % · illustration 97 %"],
  [{ several: 0.3, boxes: [[0, 0, 1, 1]] }, "Several panels 30 %"],
])("says what the model found: %j", (found, words) => {
  expect(verdictWords({ ...image, ...found })).toBe(words);
});

it.each([
  ["nothing known", {}, "", "Nothing decided: it takes part."],
  ["the model", { predicted: "multipanel" }, "", "Out: several panels, says the model."],
  ["just now", { predicted: "multipanel" }, "keep", "Takes part, you said just now."],
  [
    "a person before",
    { label: "chart", labelled_by: "ada", labelled_at: "2026-03-01T11:55:00Z" },
    "chart",
    "Out: chart, said ada 5 min ago.",
  ],
  ["a table", { label: "keep" }, "keep", "Takes part, said a table of labels."],
])("says who decided: %s", (_, found, label, words) => {
  expect(decidedWords({ ...image, ...found }, label, NOON)).toBe(words);
});

it("says when the model was trained, on what, and when it will be again", () => {
  expect(trainingWords(training, NOON)).toEqual([
    "Trained 2 min ago on 9 labels.",
    "Labels: 5 illustrations, 7 kept.",
    "Next training: after 7 more labels.",
  ]);
});

it("says how many labels are missing before anything can be learned", () => {
  const few = { ...training, n_illustrations: 4, n_kept: 3, trained_at: null, trained_on: null };
  expect(trainingWords(few, NOON)).toEqual([
    "Labels: 4 illustrations, 3 kept.",
    "Illustrations are learned from 5 labels of either kind on: 1 more illustration and 2 more to keep.",
  ]);
});
