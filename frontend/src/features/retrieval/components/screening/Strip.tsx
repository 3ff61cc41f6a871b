import { useEffect, useRef } from "react";
import { NAMES } from "../../lib/screening";
import type { ScreenedImage } from "../../api/types";
import classes from "./Strip.module.css";

interface Props {
  images: readonly ScreenedImage[];
  at: number;
  labelOf: (image: ScreenedImage) => string;
  onChoose: (index: number) => void;
}

/** The images of a page, the one on the stage marked. */
export function Strip({ images, at, labelOf, onChoose }: Props) {
  const chosen = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    const button = chosen.current;
    const row = button?.parentElement;
    if (!button || !row) return;
    // Only the strip scrolls, never the page.
    const middle = button.offsetLeft - (row.clientWidth - button.clientWidth) / 2;
    row.scrollTo({ left: middle });
  }, [at, images]);
  return (
    <div className={classes.strip} role="group" aria-label="Images of this page">
      {images.map((image, index) => {
        const label = labelOf(image);
        const verdict = label || image.predicted;
        return (
          <button
            key={image.image_id}
            ref={index === at ? chosen : undefined}
            type="button"
            className={classes.tile}
            aria-current={index === at || undefined}
            aria-label={`${image.image_id}${label ? `: ${NAMES[label] ?? label}` : ""}`}
            data-label={label || undefined}
            data-verdict={verdict || undefined}
            onClick={() => onChoose(index)}
          >
            <img src={image.thumb_url} alt="" loading="lazy" decoding="async" />
            <span className={classes.mark} aria-hidden>
              {label ? (NAMES[label] ?? label) : ""}
            </span>
          </button>
        );
      })}
    </div>
  );
}
