import { Button, Group, Switch, Text } from "@mantine/core";
import { useState } from "react";
import { count } from "@/lib/format";
import { useKeys } from "@/lib/keys";
import { decidedWords, verdictWords } from "../../lib/screening";
import type { useLabelling } from "../../lib/useLabelling";
import type { ScreenedImage } from "../../api/types";
import { Answers } from "./Answers";
import { Stage } from "./Stage";
import { Strip } from "./Strip";
import classes from "./Desk.module.css";

interface Props {
  images: readonly ScreenedImage[];
  labelling: ReturnType<typeof useLabelling>;
  /** Where the page starts in the whole list, and how long that is. */
  first: number;
  total: number;
  /** Read the next images; undefined when these are all. */
  onMore?: (() => void) | undefined;
  onBack?: (() => void) | undefined;
  more: string;
}

/** One image after the other, by keys. */
export function Desk({ images, labelling, first, total, onMore, onBack, more }: Props) {
  const [at, setAt] = useState(0);
  const [showPanels, setShowPanels] = useState(true);
  const image = images[Math.min(at, images.length - 1)];
  const step = (by: number) => {
    const next = at + by;
    if (next >= 0 && next < images.length) setAt(next);
    else if (next >= images.length) onMore?.();
    else onBack?.();
  };
  const answer = (label: string) => {
    if (!image) return;
    labelling.give(image, label);
    if (at < images.length - 1) setAt(at + 1);
  };
  const undo = () => {
    const id = labelling.undo();
    const place = images.findIndex(({ image_id }) => image_id === id);
    if (place >= 0) setAt(place);
  };
  const group = "Screening";
  useKeys([
    { keys: "k", label: "Keep: it takes part", group, run: () => answer("keep") },
    { keys: "i", label: "Illustration", group, run: () => answer("illustration") },
    { keys: "m", label: "Several panels", group, run: () => answer("multipanel") },
    { keys: "u", label: "Undo", group, enabled: labelling.canUndo, run: undo },
    { keys: "ArrowRight", label: "Next image", group, repeat: true, run: () => step(1) },
    { keys: "ArrowLeft", label: "Image before", group, repeat: true, run: () => step(-1) },
    {
      keys: "b",
      label: "Show or hide panels",
      group,
      run: () => setShowPanels((shown) => !shown),
    },
    { keys: "Enter", label: more, group, enabled: onMore !== undefined, run: () => onMore?.() },
  ]);
  if (!image) return null;
  const label = labelling.labelOf(image);
  const words = verdictWords(image);
  return (
    <div className={classes.desk}>
      <Stage image={image} showPanels={showPanels} />
      <Group justify="space-between" gap="xs" wrap="nowrap" className={classes.words}>
        <div className={classes.said}>
          <Text size="sm" fw={550} truncate>
            {image.image_id}
          </Text>
          <Text size="sm" c="dimmed" className="tabular" role="status">
            {decidedWords(image, label)} {words && <span>{words}.</span>} {image.problem}
          </Text>
        </div>
        {image.boxes.length > 1 && (
          <Switch
            size="xs"
            label="Panels"
            checked={showPanels}
            onChange={(event) => setShowPanels(event.currentTarget.checked)}
          />
        )}
      </Group>
      <Answers
        label={label}
        predicted={image.predicted}
        onAnswer={answer}
        onUndo={labelling.canUndo ? undo : undefined}
      />
      <Strip images={images} at={at} labelOf={labelling.labelOf} onChoose={setAt} />
      <Group justify="space-between" gap="xs">
        <Text size="sm" c="dimmed" className="tabular">
          {count(first + at + 1)} of {count(total)}
        </Text>
        <Group gap="xs">
          {onBack && (
            <Button size="xs" variant="default" onClick={onBack}>
              Page before
            </Button>
          )}
          {onMore && (
            <Button size="xs" variant="default" onClick={onMore}>
              {more}
            </Button>
          )}
        </Group>
      </Group>
    </div>
  );
}
