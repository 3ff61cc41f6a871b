import { describe, expect, it } from "vitest";
import { ago, bytes, count, counted, decimal, duration, percent } from "./format";

const MINUTE = 60_000;

describe("duration", () => {
  it.each([
    ["under half a minute", 29_000, "less than a minute"],
    ["minutes", 25 * MINUTE, "25 min"],
    ["just under an hour rounds to minutes", 59.4 * MINUTE, "59 min"],
    ["an hour", 60 * MINUTE, "1 h"],
    ["up to two hours to the minute", 73 * MINUTE, "1 h 13 min"],
    ["then to ten minutes", 131 * MINUTE, "2 h 10 min"],
    ["rounding never shows 60 minutes", 177 * MINUTE, "3 h"],
  ])("%s", (_, ms, expected) => {
    expect(duration(ms)).toBe(expected);
  });
});

it("groups thousands and counts one thing as one", () => {
  expect(count(1380)).toBe("1,380");
  expect(counted(1, "image")).toBe("1 image");
  expect(counted(0, "query", "queries")).toBe("0 queries");
});

it("shows an undefined measure as a dash, never as 0", () => {
  expect(decimal(null)).toBe("–");
  expect(decimal(0)).toBe("0.000");
  expect(percent(0, 0)).toBe("–");
});

it("never says 100 % before the end", () => {
  expect(percent(999, 1000)).toBe("99 %");
});

it("writes sizes in decimal units", () => {
  expect(bytes(999)).toBe("999 B");
  expect(bytes(2_411_724)).toBe("2.4 MB");
});

it("says how long ago", () => {
  const now = Date.parse("2026-03-01T12:00:00Z");
  expect(ago("2026-03-01T11:55:00Z", now)).toBe("5 min ago");
  expect(ago("2026-02-01T11:55:00Z", now)).toBe("1 Feb 2026");
});
