/** What screening says, in words. */
import { ago, count, counted } from "@/lib/format";
import type { ScreenedImage, ScreeningCounts, Training } from "../api/types";

export const STATES: readonly { state: keyof ScreeningCounts; label: string }[] = [
  { state: "unsure", label: "To label, most doubtful first" },
  { state: "labelled", label: "Labelled, latest first" },
  { state: "disputed", label: "Label and model differ" },
  { state: "illustration", label: "Out: illustrations" },
  { state: "multipanel", label: "Out: several panels" },
  { state: "keep", label: "Taking part" },
  { state: "all", label: "All images" },
];

export const isState = (value: string | null): value is keyof ScreeningCounts =>
  STATES.some(({ state }) => state === value);

export const NAMES: Record<string, string> = {
  keep: "Keep",
  illustration: "Illustration",
  multipanel: "Several panels",
};

/** A probability as people read it: never 0 % or 100 %, which would be certain. */
export const chance = (value: number): string =>
  `${Math.min(99, Math.max(1, Math.round(100 * value)))} %`;

/** "Illustration 97 % · 4 panels 88 %"; empty while nothing is known. */
export function verdictWords({ illustration, several, boxes }: ScreenedImage): string {
  const words: string[] = [];
  if (several !== null) {
    words.push(
      boxes.length > 1
        ? `${count(boxes.length)} panels ${chance(several)}`
        : several < 0.01
          ? "One panel"
          : `Several panels ${chance(several)}`,
    );
  }
  if (illustration !== null) words.push(`illustration ${chance(illustration)}`);
  return words.join(" · ");
}

/** Who decided that an image takes part or not, and what. */
export function decidedWords(image: ScreenedImage, label: string, now?: number): string {
  const verdict = label || image.predicted;
  if (!verdict) return "Nothing decided: it takes part.";
  const what =
    verdict === "keep"
      ? "Takes part"
      : `Out: ${(NAMES[verdict] ?? verdict).toLocaleLowerCase("en")}`;
  if (!label) return `${what}, says the model.`;
  if (label !== image.label) return `${what}, you said just now.`;
  const who = image.labelled_by ?? "a table of labels";
  return `${what}, said ${who}${image.labelled_at ? ` ${ago(image.labelled_at, now)}` : ""}.`;
}

/** What the model knows, and what it waits for. */
export function trainingWords(training: Training, now?: number): string[] {
  const { n_illustrations, n_kept, least, trained_at, trained_on, labels_since, every } = training;
  const labels = `${counted(n_illustrations, "illustration")}, ${count(n_kept)} kept`;
  const missing = [
    n_illustrations < least && counted(least - n_illustrations, "more illustration"),
    n_kept < least && `${count(least - n_kept)} more to keep`,
  ].filter((each) => each !== false);
  if (missing.length > 0) {
    return [
      `Labels: ${labels}.`,
      `Illustrations are learned from ${count(least)} labels of either kind on: ${missing.join(" and ")}.`,
    ];
  }
  if (trained_at === null || trained_on === null) return [`Labels: ${labels}.`, "Not trained yet."];
  return [
    `Trained ${ago(trained_at, now)} on ${counted(trained_on, "label")}.`,
    `Labels: ${labels}.`,
    labels_since >= every
      ? "Next training: after the one that runs."
      : `Next training: after ${counted(every - labels_since, "more label")}.`,
  ];
}
