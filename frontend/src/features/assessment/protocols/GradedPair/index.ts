/** Protocol `graded_pair`: how similar are query and candidate, on the study's scale? */
import type { Answer, AssessStudy, HistoryItem } from "../../api/types";
import type { Protocol } from "../types";
import { Answers, flash } from "./Answers";
import { ascending, keyOfLevel, wordsOfLevel } from "./levels";
import { Stage } from "./Stage";

export const gradedPair: Protocol = {
  name: "graded_pair",
  Stage,
  Answers,
  imagesOf: ({ query, candidate }) => [query, candidate],
  keysOf: (study: AssessStudy, onAnswer: (answer: Answer) => void) =>
    ascending(study.scale).map(({ level, name }) => ({
      keys: keyOfLevel(level, study.scale),
      label: name,
      group: "Levels",
      run: () => {
        flash(level);
        onAnswer({ level });
      },
    })),
  answerOf: ({ level, unjudgeable }: HistoryItem): Answer =>
    level === null ? { unjudgeable } : { level },
  wordsOf: (answer, study) => {
    if (typeof answer.level === "number") return wordsOfLevel(answer.level, study);
    const reason = study.unjudgeable_reasons.find(({ code }) => code === answer.unjudgeable);
    return `cannot judge: ${reason?.name ?? answer.unjudgeable ?? ""}`;
  },
};
