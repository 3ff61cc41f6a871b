import type { CSSProperties } from "react";
import type { ScreenedImage } from "../../api/types";
import classes from "./Stage.module.css";

interface Props {
  image: ScreenedImage;
  showPanels: boolean;
}

/** One image as large as there is room for, its panels drawn over it. */
export function Stage({ image, showPanels }: Props) {
  const width = image.width ?? 1;
  const height = image.height ?? 1;
  const style = { "--ratio": width / height, "--most": `${2 * width}px` } as CSSProperties;
  const panels = showPanels && image.boxes.length > 1 ? image.boxes : [];
  return (
    <div className={classes.stage}>
      <div className={classes.fit} style={style}>
        <img key={image.image_id} src={image.image_url} alt={image.image_id} decoding="async" />
        {panels.map(([left = 0, top = 0, wide = 0, high = 0], index) => (
          <div
            key={index}
            className={classes.panel}
            data-testid="panel"
            style={{
              left: `${100 * left}%`,
              top: `${100 * top}%`,
              width: `${100 * wide}%`,
              height: `${100 * high}%`,
            }}
          >
            <span className={classes.number}>{index + 1}</span>
          </div>
        ))}
      </div>
    </div>
  );
}
