import { describe, expect, it } from "vitest";
import { progressWords, usualPace } from "./pace";

describe("progressWords", () => {
  it.each([
    // (1380 - 214) * 6690 ms = 7,800,540 ms = 130.0 min
    ["in the middle", 214, 1380, 6690, "214 of 1,380 judged, about 2 h 10 min at your pace"],
    ["no pace yet", 0, 1380, null, "0 of 1,380 judged"],
    ["the last pair", 29, 30, 4000, "29 of 30 judged, less than a minute at your pace"],
    ["at the end", 30, 30, 4000, "All 30 judged"],
    ["nothing planned", 0, 0, null, "Nothing to judge yet"],
  ])("%s", (_, done, total, pace, expected) => {
    expect(progressWords({ done, total }, pace)).toBe(expected);
  });
});

describe("usualPace", () => {
  it("trusts the server until the session has ten pairs", () => {
    expect(usualPace([1, 2, 3, 4, 5, 6, 7, 8, 9], 5000)).toBe(5000);
    expect(usualPace([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 5000)).toBe(5.5);
  });

  it("is a median: one long break does not count", () => {
    expect(usualPace([3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 900_000], null)).toBe(3);
  });

  it("follows the last forty", () => {
    expect(usualPace([...Array<number>(100).fill(9), ...Array<number>(40).fill(2)], null)).toBe(2);
  });
});
