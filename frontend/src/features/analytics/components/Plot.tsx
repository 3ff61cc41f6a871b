import { useComputedColorScheme } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { useEffect, useRef, useState } from "react";
import embed from "vega-embed";
import { expressionInterpreter } from "vega-interpreter";
import { ProblemAlert } from "@/components/ui";
import type { ReportFigure } from "../api/types";
import { fitted, INK, themeConfig, themed } from "../lib/figures";
import classes from "./Figure.module.css";

/** Draw a figure. The only file that knows Vega: it is loaded when a figure is to be seen. */
export function Plot({ figure }: { figure: ReportFigure }) {
  const scheme = useComputedColorScheme("light");
  const place = useRef<HTMLDivElement>(null);
  const { ref: frame, width } = useElementSize<HTMLDivElement>();
  // In steps, so that a scroll bar that comes and goes does not draw again for ever.
  const room = Math.floor(width / 20) * 20;
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const element = place.current;
    if (!element || room === 0) return;
    let gone = false;
    let finalize: (() => void) | undefined;
    embed(element, themed(fitted(figure.spec, room), themeConfig(INK[scheme])), {
      mode: "vega-lite",
      actions: false,
      renderer: "svg",
      // The content security policy forbids making code from text: expressions are interpreted.
      ast: true,
      expr: expressionInterpreter,
      tooltip: { theme: scheme },
    }).then(
      (result) => {
        if (gone) {
          result.finalize();
          return;
        }
        finalize = result.finalize;
        const drawing = element.querySelector("svg");
        // Vega names groups of marks even when told not to: one name for the whole is enough.
        for (const part of drawing?.querySelectorAll("[role], [aria-roledescription]") ?? []) {
          part.removeAttribute("role");
          part.removeAttribute("aria-roledescription");
        }
        drawing?.setAttribute("role", "img");
        drawing?.setAttribute("aria-label", figure.title);
      },
      (failure: unknown) => {
        if (!gone) setError(failure);
      },
    );
    return () => {
      gone = true;
      finalize?.();
    };
  }, [figure, scheme, room]);
  return (
    <div ref={frame}>
      <ProblemAlert title="The figure could not be drawn" error={error} />
      <div ref={place} className={classes.plot} />
    </div>
  );
}
