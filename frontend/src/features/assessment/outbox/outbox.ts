/** Judgments on their way to the server: sent in order, tried again, never dropped. */
import { ApiError } from "@/lib/api";
import type { JudgmentBody, JudgmentReceipt, Progress } from "../api/types";
import type { Entry, Store } from "./store";

export interface OutboxState {
  /** Not yet confirmed by the server, oldest first. */
  waiting: readonly Entry[];
  /** By study: what the server counted with the last judgment that it took from here. */
  confirmed: Readonly<Record<string, Progress>>;
  /** Refused for good: shown until the person lets them go. */
  refused: readonly Entry[];
  /** Why the last attempt failed, or null. */
  trouble: string | null;
  /** Since when the oldest waits without success, or null. */
  stuckSince: number | null;
  /** The browser could not keep a copy: closing the page would lose what waits. */
  unkept: boolean;
  /** False until what an earlier visit left has been read. */
  ready: boolean;
}

export interface Wiring {
  store: Store;
  send: (uuid: string, body: JudgmentBody) => Promise<JudgmentReceipt>;
  /** Who the server thinks we are: asked before a refusal is believed. */
  whoAmI: () => Promise<number | null>;
  /** The session ended, or belongs to someone else now. */
  onSignedOut?: () => void;
  now?: () => number;
  /** Runs one sender at a time, over all tabs. */
  exclusively?: (work: () => Promise<void>) => Promise<void>;
}

const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;

const oneTab = async (work: () => Promise<void>) => {
  await work();
};

/** Web Locks, where there are any: two tabs then do not send the same entry side by side. */
export async function acrossTabs(work: () => Promise<void>): Promise<void> {
  const locks = (navigator as { locks?: LockManager }).locks;
  if (!locks) return work();
  await locks.request("likeness-outbox", work);
}

/** Errors that signing in, waiting or reloading the token mends. */
const mayPass = (error: unknown): boolean =>
  !(error instanceof ApiError) ||
  error.isPassing ||
  error.isSignedOut ||
  error.code === "csrf_failed";

export class Outbox {
  private state: OutboxState = {
    waiting: [],
    confirmed: {},
    refused: [],
    trouble: null,
    stuckSince: null,
    unkept: false,
    ready: false,
  };
  private readonly listeners = new Set<() => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private wait = FIRST_WAIT_MS;
  private sending = false;
  private closed = false;
  private lastMadeAt = 0;
  private readonly now: () => number;
  private readonly exclusively: (work: () => Promise<void>) => Promise<void>;

  constructor(
    readonly userId: number,
    private readonly wiring: Wiring,
  ) {
    this.now = wiring.now ?? Date.now;
    this.exclusively = wiring.exclusively ?? oneTab;
  }

  getState = (): OutboxState => this.state;

  subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  /** Read what an earlier visit left, and go on sending it. */
  async open(): Promise<void> {
    this.closed = false;
    let kept: Entry[] = [];
    let unkept = this.state.unkept;
    try {
      kept = await this.wiring.store.load(this.userId);
    } catch {
      unkept = true;
    }
    const known = new Set([...this.state.waiting, ...this.state.refused].map(({ uuid }) => uuid));
    const left = kept.filter(({ uuid }) => !known.has(uuid));
    this.update({
      waiting: [...left.filter(({ refusal }) => !refusal), ...this.state.waiting],
      refused: [...left.filter(({ refusal }) => refusal), ...this.state.refused],
      unkept,
      ready: true,
    });
    void this.flush();
  }

  /** Stop sending. What waits stays in the store. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  /** Take a judgment; it counts as made at once. */
  add(entry: Omit<Entry, "userId" | "madeAt">): void {
    // Two judgments in one millisecond still have an order.
    this.lastMadeAt = Math.max(this.now(), this.lastMadeAt + 1);
    const whole: Entry = { ...entry, userId: this.userId, madeAt: this.lastMadeAt };
    this.update({
      waiting: [...this.state.waiting, whole],
      stuckSince: this.state.stuckSince ?? this.now(),
    });
    this.wiring.store.put(whole).catch(() => this.update({ unkept: true }));
    // While an earlier attempt waits for its turn, this one waits behind it.
    if (this.timer === undefined) void this.flush();
  }

  /** Let go of a refused judgment that the person has seen. */
  dismiss(uuid: string): void {
    this.update({ refused: this.state.refused.filter((entry) => entry.uuid !== uuid) });
    void this.wiring.store.remove(uuid).catch(() => undefined);
  }

  /** Try at once: the connection is back, the page is looked at again, or someone asked. */
  hurry = (): void => {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.wait = FIRST_WAIT_MS;
    void this.flush();
  };

  private async flush(): Promise<void> {
    if (this.sending || this.closed || this.state.waiting.length === 0) return;
    this.sending = true;
    try {
      await this.exclusively(() => this.sendAll());
    } catch (error) {
      this.later(error);
    } finally {
      this.sending = false;
    }
    // Added while the lock was being given back.
    if (!this.closed && this.timer === undefined && this.state.waiting.length) void this.flush();
  }

  private async sendAll(): Promise<void> {
    for (let entry = this.state.waiting[0]; entry; entry = this.state.waiting[0]) {
      if (this.closed) return;
      try {
        const receipt = await this.wiring.send(entry.uuid, entry.body);
        await this.settle(entry, receipt);
      } catch (error) {
        if (mayPass(error) || !(await this.isMe())) {
          this.later(error);
          return;
        }
        await this.refuse(entry, error as ApiError);
      }
    }
  }

  private async isMe(): Promise<boolean> {
    try {
      if ((await this.wiring.whoAmI()) === this.userId) return true;
    } catch {
      return false;
    }
    this.wiring.onSignedOut?.();
    return false;
  }

  private async settle(entry: Entry, { progress }: JudgmentReceipt): Promise<void> {
    this.wait = FIRST_WAIT_MS;
    const waiting = this.state.waiting.filter(({ uuid }) => uuid !== entry.uuid);
    this.update({
      waiting,
      confirmed: { ...this.state.confirmed, [entry.study]: progress },
      trouble: null,
      stuckSince: waiting.length ? this.now() : null,
    });
    // A copy that stays behind is sent again on the next visit, which the server recognises.
    await this.wiring.store.remove(entry.uuid).catch(() => undefined);
  }

  private async refuse(entry: Entry, { code, detail }: ApiError): Promise<void> {
    const refused: Entry = { ...entry, refusal: { code, detail } };
    const waiting = this.state.waiting.filter(({ uuid }) => uuid !== entry.uuid);
    this.update({
      waiting,
      refused: [...this.state.refused, refused],
      stuckSince: waiting.length ? this.now() : null,
    });
    await this.wiring.store.put(refused).catch(() => this.update({ unkept: true }));
  }

  private later(error: unknown): void {
    const asked = error instanceof ApiError ? (error.retryAfter ?? 0) * 1000 : 0;
    const wait = Math.min(LONGEST_WAIT_MS, Math.max(this.wait, asked));
    this.wait = Math.min(LONGEST_WAIT_MS, this.wait * 2);
    this.update({
      trouble: error instanceof Error ? error.message : "The judgment could not be sent.",
    });
    if (this.closed) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      this.timer = undefined;
      void this.flush();
    }, wait);
  }

  private update(change: Partial<OutboxState>): void {
    this.state = { ...this.state, ...change };
    for (const listener of this.listeners) listener();
  }
}
