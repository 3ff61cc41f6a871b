/** Numbers, durations and times as words. English, whatever the browser's language. */

const whole = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 0 });

/** 1380 -> "1,380" */
export const count = (value: number): string => whole.format(value);

/** (1, "image") -> "1 image"; (3442, "image") -> "3,442 images" */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** A measure to `digits` places; an undefined value is a dash, never 0. */
export const decimal = (value: number | null | undefined, digits = 3): string =>
  value === null || value === undefined ? "–" : value.toFixed(digits);

/** A share as a whole percentage. */
export const percent = (done: number, total: number): string =>
  total ? `${Math.floor((100 * done) / total)} %` : "–";

/** 2411724 -> "2.4 MB" */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let rest = value;
  let unit = 0;
  while (rest >= 1000 && unit < units.length - 1) {
    rest /= 1000;
    unit += 1;
  }
  return `${unit === 0 || rest >= 100 ? rest.toFixed(0) : rest.toFixed(1)} ${units[unit]}`;
}

/** Milliseconds as people say them: "less than a minute", "25 min", "2 h 10 min", "3 h".
 *
 * From two hours on, minutes are rounded to ten: an estimate should not look exact.
 */
export function duration(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  if (minutes < 1) return "less than a minute";
  if (minutes < 60) return `${minutes} min`;
  const rounded = minutes < 120 ? minutes : Math.round(minutes / 10) * 10;
  const hours = Math.floor(rounded / 60);
  const rest = rounded % 60;
  return rest ? `${count(hours)} h ${rest} min` : `${count(hours)} h`;
}

const moment = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });

export const dateTime = (iso: string): string => moment.format(new Date(iso));
export const date = (iso: string): string => day.format(new Date(iso));

/** "just now", "5 min ago", "3 h ago", then the date. */
export function ago(iso: string, now: number = Date.now()): string {
  const ms = now - new Date(iso).getTime();
  if (ms < 60_000) return "just now";
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min ago`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h ago`;
  return date(iso);
}
