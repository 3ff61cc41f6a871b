import type { MonitorAssessor } from "../api/types";

/** Milliseconds until a person is done at their own pace; null without a pace. */
export function timeLeft({
  done,
  total,
  pace_ms,
}: Pick<MonitorAssessor, "done" | "total" | "pace_ms">): number | null {
  if (done >= total) return 0;
  return pace_ms === null ? null : (total - done) * pace_ms;
}

/** Working time of everyone together; null while anyone with work left has no pace yet. */
export function timeLeftOfAll(assessors: readonly MonitorAssessor[]): number | null {
  let sum = 0;
  for (const assessor of assessors) {
    const left = timeLeft(assessor);
    if (left === null) return null;
    sum += left;
  }
  return sum;
}
