import { useCallback, useRef, type PointerEvent } from "react";
import { count } from "@/lib/format";
import type { StageProps } from "../types";
import { ImageCell } from "./ImageCell";
import classes from "./Stage.module.css";

const ZOOM = 2.5;

/** Query and candidate side by side (on a phone one above the other). */
export function Stage({ task, next, introducing, zoomed, flickering }: StageProps) {
  const stage = useRef<HTMLDivElement>(null);
  // Both images are enlarged about the same place; no render is needed to follow the pointer.
  const follow = useCallback((event: PointerEvent<HTMLElement>) => {
    const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
    stage.current?.style.setProperty("--x", `${(100 * (event.clientX - left)) / width}%`);
    stage.current?.style.setProperty("--y", `${(100 * (event.clientY - top)) / height}%`);
  }, []);
  const onPointerMove = zoomed ? follow : undefined;
  return (
    <div
      ref={stage}
      className={classes.stage}
      data-zoomed={zoomed || undefined}
      style={{ "--zoom": zoomed ? ZOOM : 1 } as React.CSSProperties}
    >
      <section className={classes.cell} aria-label="Query" onPointerMove={onPointerMove}>
        <span className={classes.label}>Query</span>
        <ImageCell
          shown={task.query}
          waiting={next.map(({ query }) => query)}
          alt={`Query ${task.query_number} of ${task.query_count}`}
        />
      </section>
      <section className={classes.cell} aria-label="Candidate" onPointerMove={onPointerMove}>
        <span className={classes.label} data-flickering={flickering || undefined}>
          {flickering ? "Query" : "Candidate"}
        </span>
        <ImageCell
          shown={introducing ? null : flickering ? task.query : task.candidate}
          waiting={[task.candidate, task.query, ...next.map(({ candidate }) => candidate)]}
          alt={`Candidate ${task.candidate_number} of ${task.candidate_count}`}
        />
        {introducing && (
          <div className={classes.introduction} role="status">
            <span className={classes.queryNumber}>
              Query {count(task.query_number)} of {count(task.query_count)}
            </span>
            <span>{task.category}</span>
            <span>{count(task.candidate_count)} candidates to compare with it</span>
          </div>
        )}
      </section>
    </div>
  );
}
