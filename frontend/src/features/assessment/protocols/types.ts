import type { ComponentType } from "react";
import type { KeyBinding } from "@/lib/keys";
import type { Answer, AssessStudy, HistoryItem, ImageRef, Task } from "../api/types";

export interface StageProps {
  task: Task;
  /** The pairs after it: their images are laid out, invisible, so that they appear at once. */
  next: readonly Task[];
  /** Show the query alone, with its number, before its first candidate. */
  introducing: boolean;
  /** Both images enlarged about the pointer. */
  zoomed: boolean;
  /** Query and candidate in one place, while held. */
  flickering: boolean;
}

export interface AnswersProps {
  study: AssessStudy;
  /** What was said about this pair before, when undo went back to it. */
  said: Answer | undefined;
  disabled: boolean;
  onAnswer: (answer: Answer) => void;
}

/** What an assessor sees and answers. Only a protocol's own folder knows what an answer means. */
export interface Protocol {
  name: string;
  Stage: ComponentType<StageProps>;
  Answers: ComponentType<AnswersProps>;
  /** The images of a pair, in the order in which they are needed. */
  imagesOf: (task: Task) => ImageRef[];
  /** Keys that answer. */
  keysOf: (study: AssessStudy, onAnswer: (answer: Answer) => void) => KeyBinding[];
  /** An answer read back from the server. */
  answerOf: (item: HistoryItem) => Answer;
  /** An answer in words: "4 Similar". */
  wordsOf: (answer: Answer, study: AssessStudy) => string;
}
