import { Button } from "@mantine/core";
import { useState } from "react";
import type { ImageRef } from "../../api/types";
import classes from "./ImageCell.module.css";

/** A small image is not blown up beyond this. */
const LARGEST = 3;

interface LayerProps {
  image: ImageRef;
  visible: boolean;
  alt: string;
}

function Layer({ image, visible, alt }: LayerProps) {
  const [failed, setFailed] = useState(false);
  const [attempt, setAttempt] = useState(0);
  return (
    <div className={classes.layer} data-visible={visible || undefined} aria-hidden={!visible}>
      {failed && visible ? (
        <div className={classes.failed} role="alert">
          This image could not be loaded.
          <Button
            size="xs"
            variant="default"
            onClick={() => {
              setFailed(false);
              setAttempt(attempt + 1);
            }}
          >
            Try again
          </Button>
        </div>
      ) : (
        <img
          key={attempt}
          src={image.image_url}
          width={image.width ?? undefined}
          height={image.height ?? undefined}
          alt={visible ? alt : ""}
          draggable={false}
          decoding="sync"
          fetchPriority={visible ? "high" : "low"}
          className={classes.image}
          style={
            image.width && image.height
              ? { maxWidth: LARGEST * image.width, maxHeight: LARGEST * image.height }
              : undefined
          }
          ref={(element) => void element?.decode().catch(() => undefined)}
          onError={() => setFailed(true)}
        />
      )}
    </div>
  );
}

interface Props {
  /** The image to show, or none. */
  shown: ImageRef | null;
  /** Images that will be shown here soon. */
  waiting: readonly ImageRef[];
  alt: string;
}

/** One place for images. Coming ones lie in it already, invisible and decoded. */
export function ImageCell({ shown, waiting, alt }: Props) {
  const layers = new Map(
    [...(shown ? [shown] : []), ...waiting].map((image) => [image.image_url, image]),
  );
  return [...layers.values()].map((image) => (
    <Layer
      key={image.image_url}
      image={image}
      visible={image.image_url === shown?.image_url}
      alt={alt}
    />
  ));
}
