import { levelColours } from "@/config/levels";
import classes from "./LevelMark.module.css";

export interface ScaleLevel {
  level: number;
  name: string;
  description: string;
}

interface Props {
  level: number;
  scale: readonly ScaleLevel[];
  /** Show the name beside the number. */
  named?: boolean;
}

/** A level as colour, number and (when asked for) name: colour alone never carries it. */
export function LevelMark({ level, scale, named = false }: Props) {
  const colour = levelColours(scale.map((each) => each.level)).get(level);
  const name = scale.find((each) => each.level === level)?.name ?? "";
  return (
    <span className={classes.mark} title={named ? undefined : name}>
      <span
        className={classes.number}
        style={{ background: colour?.background, color: colour?.foreground }}
      >
        {level}
      </span>
      {named && <span>{name}</span>}
    </span>
  );
}
