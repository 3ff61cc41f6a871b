/** Time spent on a pair, split in time looked at and time away (tab hidden or window left). */
export class PairClock {
  private active = 0;
  private hidden = 0;
  private since: number;

  constructor(
    now: number,
    private away = false,
  ) {
    this.since = now;
  }

  /** Another pair is on the screen. */
  restart(now: number): void {
    this.active = 0;
    this.hidden = 0;
    this.since = now;
  }

  setAway(away: boolean, now: number): void {
    this.book(now);
    this.away = away;
  }

  /** Whole milliseconds so far. */
  read(now: number): { active_ms: number; hidden_ms: number } {
    this.book(now);
    return { active_ms: Math.round(this.active), hidden_ms: Math.round(this.hidden) };
  }

  private book(now: number): void {
    const passed = Math.max(0, now - this.since);
    if (this.away) this.hidden += passed;
    else this.active += passed;
    this.since = now;
  }
}
