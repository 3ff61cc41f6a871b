import { count, duration } from "@/lib/format";
import type { Progress } from "../api/types";

const ENOUGH = 10;
const KEPT = 40;

/** The usual time per pair: the median of this session once it says enough, else the server's. */
export function usualPace(recent: readonly number[], fromServer: number | null): number | null {
  if (recent.length < ENOUGH) return fromServer;
  const sorted = recent.slice(-KEPT).sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

/** "214 of 1,380 judged, about 2 h 10 min at your pace" */
export function progressWords({ done, total }: Progress, paceMs: number | null): string {
  if (total === 0) return "Nothing to judge yet";
  if (done >= total) return `All ${count(total)} judged`;
  return [`${count(done)} of ${count(total)} judged`, timeLeft({ done, total }, paceMs)]
    .filter(Boolean)
    .join(", ");
}

/** "about 2 h 10 min at your pace", or nothing while the pace is not known. */
export function timeLeft({ done, total }: Progress, paceMs: number | null): string {
  if (paceMs === null || paceMs <= 0 || done >= total) return "";
  const left = duration((total - done) * paceMs);
  return left.startsWith("less") ? `${left} at your pace` : `about ${left} at your pace`;
}
