import { Button, Group, Kbd } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { NAMES } from "../../lib/screening";
import classes from "./Answers.module.css";

const ANSWERS = [
  { label: "keep", key: "K" },
  { label: "illustration", key: "I" },
  { label: "multipanel", key: "M" },
] as const;

interface Props {
  label: string;
  predicted: string;
  onAnswer: (label: string) => void;
  onUndo?: (() => void) | undefined;
}

/** What an image is, in one press. */
export function Answers({ label, predicted, onAnswer, onUndo }: Props) {
  return (
    <Group gap="xs" wrap="nowrap" className={classes.bar}>
      <div className={classes.answers} role="group" aria-label="What it is">
        {ANSWERS.map((each) => (
          <button
            key={each.label}
            type="button"
            className={classes.answer}
            aria-pressed={label === each.label}
            data-predicted={(!label && predicted === each.label) || undefined}
            onClick={() => onAnswer(each.label)}
          >
            <Kbd size="xs" visibleFrom="sm">
              {each.key}
            </Kbd>
            <span>{NAMES[each.label]}</span>
          </button>
        ))}
      </div>
      <Button
        variant="subtle"
        color="gray"
        disabled={!onUndo}
        onClick={onUndo}
        leftSection={<IconArrowBackUp size={16} aria-hidden />}
        rightSection={
          <Kbd size="xs" visibleFrom="sm">
            U
          </Kbd>
        }
      >
        Undo
      </Button>
    </Group>
  );
}
