import { UnstyledButton } from "@mantine/core";
import { useMemo } from "react";
import { levelColours } from "@/config/levels";
import type { AnswersProps } from "../types";
import classes from "./Answers.module.css";
import { ascending, keyOfLevel } from "./levels";

/** The levels as buttons; their keys are the protocol's `keysOf`. */
export function Answers({ study, said, disabled, onAnswer }: AnswersProps) {
  const levels = useMemo(() => ascending(study.scale), [study.scale]);
  const colours = useMemo(() => levelColours(levels.map(({ level }) => level)), [levels]);
  return (
    <div className={classes.levels} role="group" aria-label="How similar are they?">
      {levels.map(({ level, name, description }) => (
        <UnstyledButton
          key={level}
          className={classes.level}
          data-level={level}
          data-said={said?.level === level || undefined}
          aria-keyshortcuts={keyOfLevel(level, levels)}
          aria-pressed={said ? said.level === level : undefined}
          disabled={disabled}
          title={description || undefined}
          style={{
            "--level": colours.get(level)?.background,
            "--on-level": colours.get(level)?.foreground,
          }}
          onClick={() => onAnswer({ level })}
        >
          <span className={classes.number}>{level}</span>
          <span className={classes.words}>
            <span className={classes.name}>{name}</span>
            {description && <span className={classes.description}>{description}</span>}
          </span>
        </UnstyledButton>
      ))}
    </div>
  );
}

/** Light up the button of a level for 80 ms, without keeping anything waiting. */
export function flash(level: number): void {
  if (window.matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  document
    .querySelector(`[data-level="${level}"]`)
    ?.animate?.([{ backgroundColor: "var(--level)", color: "var(--on-level)" }, {}], {
      duration: 80,
      easing: "steps(1, end)",
    });
}
