import { expect, it } from "vitest";
import { PairClock } from "./clock";

it("books time looked at and time away apart", () => {
  const clock = new PairClock(0);
  clock.setAway(true, 1000); // 1 s looked at
  clock.setAway(false, 4000); // 3 s away
  expect(clock.read(4500)).toEqual({ active_ms: 1500, hidden_ms: 3000 });
});

it("starts each pair from nothing, away or not", () => {
  const clock = new PairClock(0);
  clock.setAway(true, 500);
  clock.restart(2000);
  expect(clock.read(2250)).toEqual({ active_ms: 0, hidden_ms: 250 });
});

it("never goes back when the clock of the machine is set back", () => {
  const clock = new PairClock(1000);
  expect(clock.read(400)).toEqual({ active_ms: 0, hidden_ms: 0 });
});
