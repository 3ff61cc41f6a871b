import { describe, expect, it } from "vitest";
import type { Task } from "../api/types";
import { current, EMPTY, reduce, revisited, upcoming, type Deed } from "./session";

const image = (name: string) => ({ image_url: `/${name}`, thumb_url: "", width: 4, height: 3 });
const task = (id: string): Task => ({
  task_id: id,
  query: image("q"),
  candidate: image(id),
  category: "Open",
  query_number: 1,
  query_count: 1,
  candidate_number: 1,
  candidate_count: 9,
});
const arrived = (ids: string, done = 0, more: Partial<Extract<Deed, { type: "arrived" }>> = {}) =>
  ({
    type: "arrived",
    tasks: [...ids].map(task),
    progress: { done, total: 9 },
    unsent: new Set(),
    settled: true,
    ...more,
  }) satisfies Deed;
const said = (uuid: string, level: number): Deed => ({
  type: "answered",
  uuid,
  answer: { level },
  note: "",
});
const after = (...deeds: Deed[]) => deeds.reduce(reduce, EMPTY);
const ids = (tasks: readonly Task[]) => tasks.map(({ task_id }) => task_id).join("");

describe("going forward", () => {
  it("shows the next pair and remembers the judged one", () => {
    const sitting = after(arrived("abc"), said("1", 5));
    expect(current(sitting)?.task_id).toBe("b");
    expect(sitting.said.map(({ task }) => task.task_id)).toEqual(["a"]);
  });

  it("adds only pairs it does not know when more arrive", () => {
    const sitting = after(arrived("abc"), said("1", 5), arrived("abcd"));
    expect(ids(sitting.queue)).toBe("bcd");
  });

  it("leaves out pairs that still wait to be sent", () => {
    const sitting = after(arrived("abc", 4, { unsent: new Set(["a"]) }));
    expect(ids(sitting.queue)).toBe("bc");
  });

  it("has all pairs only when none came and no judgment was on its way", () => {
    expect(after(arrived("ab"), arrived("ab", 0, { settled: false })).exhausted).toBe(false);
    expect(after(arrived("ab"), arrived("ab")).exhausted).toBe(true);
    expect(after(arrived("ab"), arrived("abc")).exhausted).toBe(false);
  });
});

describe("undo", () => {
  it("goes back to the judged pair and knows what was said", () => {
    const sitting = after(arrived("abc"), said("1", 5), { type: "undo" });
    expect(current(sitting)?.task_id).toBe("a");
    expect(revisited(sitting)).toMatchObject({ uuid: "1", answer: { level: 5 } });
    expect(ids(upcoming(sitting))).toBe("bc");
  });

  it("judging again replaces what was said and goes on", () => {
    const sitting = after(arrived("abc"), said("1", 5), { type: "undo" }, said("2", 3));
    expect(sitting.said).toHaveLength(1);
    expect(sitting.said[0]).toMatchObject({ uuid: "2", answer: { level: 3 } });
    expect(current(sitting)?.task_id).toBe("b");
  });

  it("two steps back come forward one by one", () => {
    const twice = after(
      arrived("abc"),
      said("1", 5),
      said("2", 4),
      { type: "undo" },
      { type: "undo" },
    );
    expect(current(twice)?.task_id).toBe("a");
    const once = reduce(twice, said("3", 1));
    expect(revisited(once)?.uuid).toBe("2");
    expect(current(reduce(once, { type: "forward" }))?.task_id).toBe("c");
  });

  it("reaches what an earlier sitting said, and stops there", () => {
    const earlier = [{ uuid: "0", task: task("z"), answer: { level: 1 }, note: "" }];
    const sitting = after(arrived("ab"), { type: "remembered", said: earlier }, { type: "undo" });
    expect(current(sitting)?.task_id).toBe("z");
    expect(reduce(sitting, { type: "undo" })).toBe(sitting);
  });

  it("an old memory does not overwrite what was said since", () => {
    const earlier = [{ uuid: "0", task: task("a"), answer: { level: 1 }, note: "" }];
    const sitting = after(arrived("ab"), said("1", 5), { type: "remembered", said: earlier });
    expect(sitting.said.map(({ uuid }) => uuid)).toEqual(["1"]);
  });

  it("a pair remembered as judged is not asked again", () => {
    const earlier = [{ uuid: "0", task: task("a"), answer: { level: 1 }, note: "" }];
    expect(current(after(arrived("ab"), { type: "remembered", said: earlier }))?.task_id).toBe("b");
  });
});

describe("later", () => {
  it("puts the pair behind all others, also behind those that arrive later", () => {
    const sitting = after(arrived("abc"), { type: "later" }, arrived("abcd"));
    expect(ids(sitting.queue)).toBe("bcda");
  });

  it("has no effect on the only pair", () => {
    const sitting = after(arrived("a"));
    expect(reduce(sitting, { type: "later" })).toBe(sitting);
  });
});
