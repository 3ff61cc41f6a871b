/** How the numbers of a report read: shares in percent, coefficients as they are, undefined as n/a. */
import type { AssessorPairRow, Undefined } from "../api/types";

/** The cut that does not cut: all levels of the scale. */
export const EXACT = "exact";

/** Measures that are shares of something: shown in percent. The others are coefficients. */
const SHARES = /^(maa|judged|CR|P|nDCG|AP|bpref|RBP)(@|_|$)/;

export const isShare = (measure: string): boolean => SHARES.test(measure);

/** 0.90413 -> "90.4"; the percent sign stands in the heading. */
export const inPercent = (value: number): string => (100 * value).toFixed(1);

export function numberOf(value: number | null, measure: string): string {
  if (value === null) return "n/a";
  return isShare(measure) ? inPercent(value) : value.toFixed(3);
}

/** "86.1 to 93.2"; nothing without both ends. */
export function intervalOf(low: number | null, high: number | null, measure: string): string {
  if (low === null || high === null) return "n/a";
  return `${numberOf(low, measure)} to ${numberOf(high, measure)}`;
}

const MEASURES: Record<string, string> = {
  maa: "Agreement",
  krippendorff_nominal: "Krippendorff’s α (nominal)",
  krippendorff_ordinal: "Krippendorff’s α (ordinal)",
  krippendorff_interval: "Krippendorff’s α (interval)",
  fleiss: "Fleiss’ κ",
  fleiss_generalised: "Fleiss’ κ (generalised)",
  cohen_unweighted: "Cohen’s κ",
  cohen_linear: "Cohen’s κ (linear)",
  cohen_quadratic: "Cohen’s κ (quadratic)",
  rater_spearman: "Spearman’s ρ",
  rater_kendall_b: "Kendall’s τ-b",
  gwet_ac1: "Gwet’s AC1",
  gwet_ac2_quadratic: "Gwet’s AC2 (quadratic)",
  CR: "Common results",
  P: "Precision",
  nDCG: "nDCG",
  AP: "Average precision",
  RBP: "Rank-biased precision",
};

export function measureWord(measure: string): string {
  const single = measure.replace(/_mean$/, "");
  const word = MEASURES[single] ?? single;
  return single === measure ? word : `${word}, mean`;
}

/** The parameter of a measure of people in values.csv: agreement always names its cut. */
export const paramOf = (measure: string, aggregation: string): string =>
  aggregation === EXACT && measure !== "maa" ? "" : aggregation;

/** "12-345" -> "1 2 | 3 4 5": where the scale is cut. */
export const cutWord = (aggregation: string): string => {
  if (aggregation === EXACT) return "exact level";
  return /^\d+-\d+$/.test(aggregation)
    ? aggregation
        .split("-")
        .map((side) => [...side].join(" "))
        .join(" | ")
    : aggregation;
};

export const scopeWord = (category: string): string =>
  category === "all" ? "All categories" : category;

/** Why a number is undefined, for the hint: looked up as values.csv names it. */
export function reasonFinder(
  undefinedOnes: readonly Undefined[],
): (family: string, category: string, param: string) => string {
  const reasons = new Map(
    undefinedOnes.map(({ family, scope, param, reason }) => [
      JSON.stringify([family, scope, param]),
      reason,
    ]),
  );
  return (family, category, param) =>
    reasons.get(JSON.stringify([family, category === "all" ? "ALL" : category, param])) ??
    "Undefined: there is nothing to compute it from.";
}

/** Why two assessors have no value, or no end of its interval. */
export function pairReason(
  why: ReturnType<typeof reasonFinder>,
  row: Pick<AssessorPairRow, "measure" | "category" | "aggregation" | "assessor_a" | "assessor_b">,
  end?: "low" | "high",
): string {
  const family = row.measure === "maa" ? "maa_pair" : row.measure;
  const param = [
    paramOf(row.measure, row.aggregation),
    `${row.assessor_a}~${row.assessor_b}`,
    end ?? "",
  ]
    .filter((word) => word !== "")
    .join(":");
  return why(end === undefined ? family : `${family}_ci`, row.category, param);
}

/** The lowest level above a cut: 3 for "12-345", in whatever order the scale lists its levels. */
export function lowestAbove(cut: string, scale: readonly { level: number }[]): number | undefined {
  const [below] = cut.split("-");
  let words = "";
  for (const level of scale.map((each) => each.level).sort((a, b) => a - b)) {
    if (words === below) return level;
    words += String(level);
  }
  return undefined;
}
