import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { ApiError } from "@/lib/api";
import type { JudgmentBody, JudgmentReceipt, Task } from "../api/types";
import { Outbox, type Wiring } from "./outbox";
import type { Entry, Store } from "./store";

const image = { image_url: "", thumb_url: "", width: 1, height: 1 };
const task = (id: string): Task => ({
  task_id: id,
  query: image,
  candidate: image,
  category: "Open",
  query_number: 1,
  query_count: 1,
  candidate_number: 1,
  candidate_count: 1,
});
const entry = (id: string, level = 3) => ({
  uuid: `uuid-${id}`,
  study: "thorax",
  task: task(id),
  body: { task_id: id, level } as JudgmentBody,
});

/** Keeps what a browser would keep over a reload. */
class KeptStore implements Store {
  readonly entries = new Map<string, Entry>();
  broken = false;

  async load(userId: number) {
    await this.check();
    return [...this.entries.values()].filter((each) => each.userId === userId);
  }
  async put(each: Entry) {
    await this.check();
    this.entries.set(each.uuid, each);
  }
  async remove(uuid: string) {
    await this.check();
    this.entries.delete(uuid);
  }
  private async check() {
    await Promise.resolve();
    if (this.broken) throw new Error("no storage");
  }
}

/** Stores judgments under their uuid as the real one does, and fails as told. */
class FakeServer {
  readonly stored = new Map<string, JudgmentBody>();
  readonly arrivals: string[] = [];
  failures: ApiError[] = [];
  /** Stores, but the answer gets lost: what an unreliable line does. */
  loseAnswers = 0;
  signedInAs: number | null = 1;
  /** Refuses these tasks for good. */
  readonly refusing = new Map<string, ApiError>();

  send = async (uuid: string, body: JudgmentBody): Promise<JudgmentReceipt> => {
    await Promise.resolve();
    const failure = this.failures.shift();
    if (failure) throw failure;
    const refusal = this.refusing.get(body.task_id);
    if (refusal) throw refusal;
    this.arrivals.push(uuid);
    this.stored.set(uuid, body);
    if (this.loseAnswers > 0) {
      this.loseAnswers -= 1;
      throw offline();
    }
    return { progress: { done: this.stored.size, total: 9 } } as JudgmentReceipt;
  };
  whoAmI = () => Promise.resolve(this.signedInAs);
}

const offline = () => new ApiError(0, "offline", "The server cannot be reached.");
const closed = () => new ApiError(409, "study_closed", "The study is closed.");

let server: FakeServer;
let store: KeptStore;
const open: Outbox[] = [];

async function outboxOf(userId = 1, more: Partial<Wiring> = {}): Promise<Outbox> {
  const outbox = new Outbox(userId, { store, send: server.send, whoAmI: server.whoAmI, ...more });
  open.push(outbox);
  await outbox.open();
  return outbox;
}
const settle = () => vi.advanceTimersByTimeAsync(0);
const uuids = (entries: readonly Entry[]) => entries.map(({ uuid }) => uuid);

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  store = new KeptStore();
});
afterEach(() => {
  for (const outbox of open.splice(0)) outbox.close();
  vi.useRealTimers();
});

it("sends in the order of judging and keeps no copy of what arrived", async () => {
  const outbox = await outboxOf();
  for (const id of ["a", "b", "c"]) outbox.add(entry(id));
  await settle();
  expect(server.arrivals).toEqual(["uuid-a", "uuid-b", "uuid-c"]);
  expect(outbox.getState().waiting).toEqual([]);
  expect(store.entries.size).toBe(0);
  expect(outbox.getState().confirmed).toEqual({ thorax: { done: 3, total: 9 } });
});

it("keeps a copy before the server answers", async () => {
  const outbox = await outboxOf(1, { send: () => new Promise(() => undefined) });
  outbox.add(entry("a"));
  await settle();
  expect([...store.entries.keys()]).toEqual(["uuid-a"]);
});

describe("when the line is bad", () => {
  it.each([
    ["no answer", offline()],
    ["a server error", new ApiError(500, "http_500", "Error.")],
    ["a server that starts", new ApiError(503, "unavailable", "Not ready.")],
    ["a token that was renewed in another tab", new ApiError(403, "csrf_failed", "Reload.")],
    ["a session that ended", new ApiError(403, "not_authenticated", "Sign in.")],
  ])("tries again after %s", async (_, failure) => {
    server.failures = [failure];
    const outbox = await outboxOf();
    outbox.add(entry("a"));
    await settle();
    expect(server.arrivals).toEqual([]);
    expect(outbox.getState()).toMatchObject({ trouble: failure.detail, refused: [] });
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.arrivals).toEqual(["uuid-a"]);
    expect(outbox.getState()).toMatchObject({ waiting: [], trouble: null, stuckSince: null });
  });

  it("waits 1, 2, 4 ... seconds, never more than 30", async () => {
    const attempts: number[] = [];
    const outbox = await outboxOf(1, {
      send: () => {
        attempts.push(Date.now());
        return Promise.reject(offline());
      },
    });
    outbox.add(entry("a"));
    await vi.advanceTimersByTimeAsync(125_000);
    const waits = attempts.slice(1).map((at, index) => (at - attempts[index]!) / 1000);
    expect(waits).toEqual([1, 2, 4, 8, 16, 30, 30, 30]);
  });

  it("tries at once when the connection is back", async () => {
    server.failures = [offline(), offline(), offline()];
    const outbox = await outboxOf();
    outbox.add(entry("a"));
    await vi.advanceTimersByTimeAsync(3500); // next attempt in 3.5 s
    outbox.hurry();
    await settle();
    expect(server.arrivals).toEqual(["uuid-a"]);
  });

  it("never overtakes: what is judged meanwhile waits behind", async () => {
    server.failures = [offline()];
    const outbox = await outboxOf();
    outbox.add(entry("a"));
    await settle();
    outbox.add(entry("b"));
    await settle();
    expect(server.arrivals).toEqual([]);
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.arrivals).toEqual(["uuid-a", "uuid-b"]);
  });

  it("sends again under the same uuid when only the answer was lost", async () => {
    server.loseAnswers = 1;
    const outbox = await outboxOf();
    outbox.add(entry("a", 5));
    await vi.advanceTimersByTimeAsync(1000);
    expect(server.arrivals).toEqual(["uuid-a", "uuid-a"]);
    expect([...server.stored.values()]).toEqual([{ task_id: "a", level: 5 }]);
    expect(outbox.getState().waiting).toEqual([]);
  });
});

describe("over a reload", () => {
  async function leaveUnsent(userId: number, ...ids: string[]) {
    const outbox = await outboxOf(userId, { send: () => Promise.reject(offline()) });
    for (const id of ids) outbox.add(entry(id));
    await settle();
    outbox.close();
  }

  it("sends what an earlier visit left, oldest first and before what is new", async () => {
    await leaveUnsent(1, "a", "b");
    const outbox = await outboxOf();
    outbox.add(entry("c"));
    await settle();
    expect(server.arrivals).toEqual(["uuid-a", "uuid-b", "uuid-c"]);
    expect(store.entries.size).toBe(0);
  });

  it("leaves another person's judgments alone", async () => {
    await leaveUnsent(1, "a");
    const other = await outboxOf(2);
    await settle();
    expect(other.getState().waiting).toEqual([]);
    expect(server.arrivals).toEqual([]);
    expect([...store.entries.keys()]).toEqual(["uuid-a"]);
  });

  it("stops sending once closed", async () => {
    await leaveUnsent(1, "a");
    await vi.advanceTimersByTimeAsync(60_000);
    expect([...store.entries.keys()]).toEqual(["uuid-a"]);
  });
});

describe("a refusal", () => {
  it("is kept and said, and does not hold up the others", async () => {
    server.refusing.set("a", closed());
    const outbox = await outboxOf();
    outbox.add(entry("a"));
    outbox.add(entry("b"));
    await settle();
    expect(server.arrivals).toEqual(["uuid-b"]);
    const { refused, waiting } = outbox.getState();
    expect(waiting).toEqual([]);
    expect(refused[0]?.refusal?.detail).toBe("The study is closed.");
    expect([...store.entries.keys()]).toEqual(["uuid-a"]);
  });

  it("is still there after a reload, is not sent again, and goes when let go", async () => {
    server.refusing.set("a", closed());
    (await outboxOf()).add(entry("a"));
    await settle();
    server.refusing.clear();
    const outbox = await outboxOf();
    await settle();
    expect(server.arrivals).toEqual([]);
    expect(uuids(outbox.getState().refused)).toEqual(["uuid-a"]);
    outbox.dismiss("uuid-a");
    await settle();
    expect(store.entries.size).toBe(0);
  });

  it("is not believed when the session is someone else's: nothing of theirs is touched", async () => {
    const onSignedOut = vi.fn();
    server.signedInAs = 2;
    server.refusing.set("a", new ApiError(404, "not_found", "Not yours."));
    const outbox = await outboxOf(1, { onSignedOut });
    outbox.add(entry("a"));
    await settle();
    expect(onSignedOut).toHaveBeenCalledOnce();
    expect(outbox.getState().refused).toEqual([]);
    expect(uuids(outbox.getState().waiting)).toEqual(["uuid-a"]);
  });
});

it("says so when the browser keeps no copy, and sends all the same", async () => {
  store.broken = true;
  const outbox = await outboxOf();
  outbox.add(entry("a"));
  await settle();
  expect(outbox.getState()).toMatchObject({ unkept: true, waiting: [] });
  expect(server.arrivals).toEqual(["uuid-a"]);
});
