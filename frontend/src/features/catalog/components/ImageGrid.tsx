import { Badge, Checkbox, Text } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useVirtualizer, useWindowVirtualizer, type Virtualizer } from "@tanstack/react-virtual";
import {
  useEffect,
  useLayoutEffect,
  useRef,
  useState,
  type CSSProperties,
  type MouseEvent,
  type ReactNode,
} from "react";
import { ProblemAlert } from "@/components/ui";
import type { ImageFilters } from "../api/list-images";
import type { CatalogImage } from "../api/types";
import { useImages, type Range } from "../lib/useImages";
import classes from "./ImageGrid.module.css";

const GAP = 14;
const CAPTION = 24;

interface Props {
  slug: string;
  filters: ImageFilters;
  /** Smallest width of a tile, in pixels. */
  tile?: number;
  /** Scroll inside a box of this height instead of with the page. */
  height?: string;
  selected?: ReadonlySet<string>;
  onSelect?: (images: CatalogImage[], selected: boolean) => void;
  /** What a click on the image does; selecting, when left out. */
  onOpen?: (image: CatalogImage, index: number) => void;
  /** Cannot be selected any more, and why. */
  taken?: ReadonlyMap<string, string>;
  onTotal?: (total: number) => void;
  /** Shown when no image matches. */
  empty: ReactNode;
}

/** Any number of images, of which only those near the eye are read and drawn. */
export function ImageGrid(props: Props) {
  return props.height === undefined ? (
    <WindowGrid {...props} />
  ) : (
    <BoxGrid {...props} height={props.height} />
  );
}

function useShape(tile: number) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const columns = Math.max(2, Math.floor((width + GAP) / (tile + GAP)));
  const side = width > 0 ? (width - GAP * (columns - 1)) / columns : tile;
  return { ref, width, columns, rowHeight: Math.round(side) + CAPTION + GAP };
}

function useRows({ slug, filters, onTotal }: Props, columns: number) {
  const [range, setRange] = useState<Range>({ first: 0, last: 0 });
  const images = useImages(slug, filters, range);
  const total = images.isStale ? undefined : images.total;
  const tell = useRef(onTotal);
  useEffect(() => {
    tell.current = onTotal;
  });
  useEffect(() => {
    if (total !== undefined) tell.current?.(total);
  }, [total]);
  const onChange = (virtualizer: { getVirtualItems: () => { index: number }[] }) => {
    const items = virtualizer.getVirtualItems();
    const first = (items[0]?.index ?? 0) * columns;
    const last = ((items.at(-1)?.index ?? 0) + 1) * columns - 1;
    setRange((before) =>
      before.first === first && before.last === last ? before : { first, last },
    );
  };
  return { images, rows: Math.ceil((images.total ?? 0) / columns), onChange };
}

function WindowGrid(props: Props) {
  const { ref, width, columns, rowHeight } = useShape(props.tile ?? 150);
  const { images, rows, onChange } = useRows(props, columns);
  const [offset, setOffset] = useState(0);
  const element = useRef<HTMLDivElement>(null);
  const measured = useMergedRef(ref, element);
  useLayoutEffect(() => {
    const top = element.current?.getBoundingClientRect().top;
    if (top !== undefined) setOffset(top + window.scrollY);
  }, [width]);
  const virtualizer = useWindowVirtualizer({
    count: rows,
    estimateSize: () => rowHeight,
    overscan: 3,
    scrollMargin: offset,
    onChange,
  });
  return (
    <Frame
      {...props}
      images={images}
      measured={measured}
      virtualizer={virtualizer}
      offset={offset}
      columns={columns}
      rowHeight={rowHeight}
    />
  );
}

function BoxGrid(props: Props & { height: string }) {
  const { ref, columns, rowHeight } = useShape(props.tile ?? 130);
  const { images, rows, onChange } = useRows(props, columns);
  const box = useRef<HTMLDivElement>(null);
  // eslint-disable-next-line react-hooks/incompatible-library -- nothing here is memoized
  const virtualizer = useVirtualizer({
    count: rows,
    getScrollElement: () => box.current,
    estimateSize: () => rowHeight,
    overscan: 3,
    onChange,
  });
  return (
    <div
      ref={box}
      className={classes.box}
      style={{ height: props.height }}
      tabIndex={0}
      role="group"
      aria-label="Images"
    >
      <Frame
        {...props}
        images={images}
        measured={ref}
        virtualizer={virtualizer}
        offset={0}
        columns={columns}
        rowHeight={rowHeight}
      />
    </div>
  );
}

interface FrameProps extends Props {
  images: ReturnType<typeof useImages>;
  measured: (element: HTMLDivElement | null) => void;
  virtualizer: Virtualizer<Window, Element> | Virtualizer<HTMLDivElement, Element>;
  offset: number;
  columns: number;
  rowHeight: number;
}

function Frame({
  images,
  measured,
  virtualizer,
  offset,
  columns,
  rowHeight,
  selected,
  onSelect,
  onOpen,
  taken,
  empty,
}: FrameProps) {
  const anchor = useRef<number | null>(null);
  useEffect(() => {
    virtualizer.measure();
  }, [virtualizer, rowHeight]);

  const select = (index: number, image: CatalogImage, event: MouseEvent | null) => {
    const on = !selected?.has(image.image_id);
    if (event?.shiftKey && anchor.current !== null) {
      const [from, to] = [Math.min(anchor.current, index), Math.max(anchor.current, index)];
      const between = Array.from({ length: to - from + 1 }, (_, step) => images.at(from + step));
      onSelect?.(
        between.filter(
          (each) => each !== undefined && !taken?.has(each.image_id),
        ) as CatalogImage[],
        true,
      );
    } else {
      onSelect?.([image], on);
    }
    anchor.current = index;
  };

  if (images.error) {
    return (
      <div ref={measured}>
        <ProblemAlert
          title="The images could not be read"
          error={images.error}
          onRetry={() => void images.refetch()}
        />
      </div>
    );
  }
  if (images.total === 0) return <div ref={measured}>{empty}</div>;
  return (
    <div
      ref={measured}
      className={`${classes.grid} ${selected && selected.size > 0 ? classes.selecting : ""}`}
      style={{ height: virtualizer.getTotalSize(), opacity: images.isStale ? 0.5 : 1 }}
    >
      {virtualizer.getVirtualItems().map((row) => (
        <div
          key={row.key}
          className={classes.row}
          style={
            {
              "--gap": `${GAP}px`,
              gridTemplateColumns: `repeat(${columns}, minmax(0, 1fr))`,
              transform: `translateY(${row.start - offset}px)`,
            } as CSSProperties
          }
        >
          {Array.from({ length: columns }, (_, column) => {
            const index = row.index * columns + column;
            if (index >= (images.total ?? 0)) return null;
            const image = images.at(index);
            if (!image) return <Blank key={index} />;
            const why = taken?.get(image.image_id);
            return (
              <Tile
                key={image.image_id}
                image={image}
                taken={why}
                selected={selected?.has(image.image_id) ?? false}
                {...(onSelect && { onSelect: (event) => select(index, image, event) })}
                onOpen={(event) => {
                  if (onOpen && !event.shiftKey) onOpen(image, index);
                  else if (why === undefined) select(index, image, event);
                }}
              />
            );
          })}
        </div>
      ))}
    </div>
  );
}

function Blank() {
  return (
    <div className={classes.tile}>
      <div className={classes.stage} />
      <span className={classes.name} />
    </div>
  );
}

interface TileProps {
  image: CatalogImage;
  selected: boolean;
  taken: string | undefined;
  onSelect?: (event: MouseEvent | null) => void;
  onOpen: (event: MouseEvent) => void;
}

function Tile({ image, selected, taken, onSelect, onOpen }: TileProps) {
  return (
    <div
      className={classes.tile}
      data-excluded={image.excluded || undefined}
      data-selected={selected || undefined}
      data-taken={taken !== undefined || undefined}
    >
      <button type="button" className={classes.open} onClick={onOpen} title={image.image_id}>
        <span className={classes.stage}>
          <Thumb image={image} />
        </span>
        <span className={classes.name}>{image.image_id}</span>
      </button>
      {onSelect && taken === undefined && (
        <Checkbox
          className={classes.tick}
          checked={selected}
          onChange={() => undefined}
          onClick={onSelect}
          aria-label={`Select ${image.image_id}`}
        />
      )}
      {(taken ?? image.excluded) && (
        <Badge className={classes.reason} variant="default" size="sm">
          {taken ?? image.excluded}
        </Badge>
      )}
    </div>
  );
}

/** The small picture, or a word where there is none: a release may come without images. */
export function Thumb({ image }: { image: Pick<CatalogImage, "thumb_url" | "image_id"> }) {
  const [failed, setFailed] = useState(false);
  if (!image.thumb_url || failed) {
    return (
      <Text span size="xs" c="dimmed" ta="center" p="xs">
        No picture
      </Text>
    );
  }
  return (
    <img
      src={image.thumb_url}
      alt=""
      loading="lazy"
      decoding="async"
      onError={() => setFailed(true)}
    />
  );
}
