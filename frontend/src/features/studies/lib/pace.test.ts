import { expect, it } from "vitest";
import type { MonitorAssessor } from "../api/types";
import { timeLeft, timeLeftOfAll } from "./pace";

const assessor = (done: number, total: number, pace_ms: number | null): MonitorAssessor => ({
  name: "A",
  username: "a",
  pseudonym: "A1",
  groups: [],
  done,
  total,
  pace_ms,
  last_at: null,
  unjudgeable: 0,
});

it.each([
  ["ten pairs at two seconds: 20 s", 90, 100, 2000, 20_000],
  ["done: nothing, whatever the pace", 100, 100, null, 0],
  ["not begun: nobody knows", 0, 100, null, null],
])("%s", (_, done, total, pace, expected) => {
  expect(timeLeft(assessor(done, total, pace))).toBe(expected);
});

it("adds up working time, and says nothing while one has not begun", () => {
  expect(timeLeftOfAll([assessor(90, 100, 2000), assessor(5, 10, 1000)])).toBe(25_000);
  expect(timeLeftOfAll([assessor(90, 100, 2000), assessor(0, 10, null)])).toBeNull();
});
