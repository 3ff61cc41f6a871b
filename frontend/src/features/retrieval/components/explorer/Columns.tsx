import { Alert, Skeleton, Text, Tooltip, VisuallyHidden } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useRef, useState, type KeyboardEvent } from "react";
import { Thumb } from "@/features/catalog";
import type { Exploration, ExploredMethod, FoundImage } from "../../api/types";
import { findersOf, ranksOf, scoreText, type Cutoff } from "../../lib/explorer";
import classes from "./Columns.module.css";

const NARROWEST = 128;
const GAP = 14;

/** How a method is called and marked in every part of the page. */
export interface Naming {
  title: (method: string) => string;
  detail: (method: string) => string;
  colour: (method: string) => string;
}

interface Props {
  /** Undefined while nothing has answered: the columns keep their places. */
  exploration: Exploration | undefined;
  methods: readonly string[];
  n: Cutoff;
  naming: Naming;
  /** Images found by another number of methods are faded; null: none is. */
  onlyFoundBy: number | null;
  onChoose: (imageId: string) => void;
}

interface Place {
  column: number;
  row: number;
}

const WAITING: Pick<ExploredMethod, "state" | "error" | "hits"> = {
  state: "waiting",
  error: "",
  hits: [],
};

/** A column per method. The image under the pointer or the focus is marked in every one. */
export function Columns({ exploration, methods, n, naming, onlyFoundBy, onChoose }: Props) {
  const answered = new Map(exploration?.methods.map((each) => [each.method, each]));
  const columns = methods.map((method) => ({
    ...(answered.get(method) ?? WAITING),
    method,
  })) as ExploredMethod[];
  const images = new Map(exploration?.images.map((image) => [image.image_id, image]));
  const ranks = columns.map((column) => ranksOf(column, n));
  const finders = findersOf(columns, n);
  const [active, setActive] = useState<string | null>(null);
  // One stop for the Tab key; arrows go on from there.
  const [stop, setStop] = useState<Place>({ column: 0, row: 0 });
  const box = useRef<HTMLDivElement>(null);
  const { ref, width } = useElementSize<HTMLDivElement>();
  const merged = useMergedRef(ref, box);
  const scrolls = width > 0 && width < methods.length * (NARROWEST + GAP) - GAP;

  const rows = columns.map(({ hits }) => Math.min(hits.length, n));
  const stopHere = clamped(stop, rows);
  const goTo = (place: Place) => {
    setStop(place);
    const button = box.current?.querySelector<HTMLButtonElement>(
      `[data-at="${place.column}:${place.row}"]`,
    );
    button?.focus();
    button?.scrollIntoView({ block: "nearest", inline: "nearest" });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const at = placeOf(event.target);
    const to = at && placeAfter(event.key, at, columns, rows, ranks);
    if (!to) return;
    event.preventDefault();
    goTo(to);
  };

  return (
    <div
      ref={merged}
      className={classes.columns}
      data-scrolls={scrolls || undefined}
      style={{
        gridTemplateColumns: `repeat(${methods.length}, minmax(${scrolls ? NARROWEST : 0}px, 18rem))`,
        gap: GAP,
      }}
      onKeyDown={onKeyDown}
      onPointerLeave={() => setActive(null)}
      onBlur={() => setActive(null)}
    >
      {columns.map(({ method, state, error, hits }, column) => {
        const rank = active === null ? undefined : ranks[column]?.get(active);
        return (
          <section key={method} className={classes.column} aria-label={naming.title(method)}>
            <header className={classes.header}>
              <span className={classes.swatch} style={{ background: naming.colour(method) }} />
              <Tooltip label={naming.detail(method)} multiline maw={320}>
                <h3 className={classes.title}>{naming.title(method)}</h3>
              </Tooltip>
              {active !== null && state === "done" && (
                <span className={classes.there} data-found={rank !== undefined || undefined}>
                  {rank === undefined ? "–" : rank}
                </span>
              )}
            </header>
            {error !== "" ? (
              <Alert color="gray" variant="light" p="sm" className={classes.error}>
                <Text size="sm">{error}</Text>
              </Alert>
            ) : state === "waiting" ? (
              <Blanks n={n} />
            ) : hits.length === 0 ? (
              <Text size="sm" c="dimmed">
                Nothing found.
              </Text>
            ) : (
              <ol className={classes.hits}>
                {hits.slice(0, n).map(({ image_id, score }, row) => {
                  const found = finders.get(image_id) ?? [];
                  return (
                    <Hit
                      key={image_id}
                      image={images.get(image_id)}
                      imageId={image_id}
                      rank={row + 1}
                      score={score}
                      at={`${column}:${row}`}
                      others={found.filter((other) => other !== method)}
                      naming={naming}
                      label={labelOf(image_id, method, row + 1, methods, ranks, naming)}
                      isActive={active === image_id}
                      isFaded={onlyFoundBy !== null && found.length !== onlyFoundBy}
                      isStop={stopHere.column === column && stopHere.row === row}
                      onActive={() => setActive(image_id)}
                      onFocus={() => {
                        setActive(image_id);
                        setStop({ column, row });
                      }}
                      onChoose={() => onChoose(image_id)}
                    />
                  );
                })}
              </ol>
            )}
          </section>
        );
      })}
    </div>
  );
}

interface HitProps {
  image: FoundImage | undefined;
  imageId: string;
  rank: number;
  score: number;
  at: string;
  others: string[];
  naming: Naming;
  label: string;
  isActive: boolean;
  isFaded: boolean;
  isStop: boolean;
  onActive: () => void;
  onFocus: () => void;
  onChoose: () => void;
}

function Hit(props: HitProps) {
  const { image, imageId, rank, score, others, naming } = props;
  return (
    <li data-active={props.isActive || undefined} data-faded={props.isFaded || undefined}>
      <button
        type="button"
        className={classes.hit}
        data-at={props.at}
        tabIndex={props.isStop ? 0 : -1}
        title={image?.captions[0] ?? imageId}
        onPointerEnter={props.onActive}
        onFocus={props.onFocus}
        onClick={props.onChoose}
      >
        <VisuallyHidden>{props.label}</VisuallyHidden>
        <span className={classes.stage}>
          <Thumb image={{ image_id: imageId, thumb_url: image?.thumb_url ?? "" }} />
        </span>
        <span className={classes.facts} aria-hidden>
          <b>{rank}</b>
          <span className={classes.others}>
            {others.map((method) => (
              <i key={method} style={{ background: naming.colour(method) }} />
            ))}
          </span>
          <span className={classes.score}>{scoreText(score)}</span>
        </span>
      </button>
    </li>
  );
}

function Blanks({ n }: { n: number }) {
  return (
    <ol className={classes.hits} aria-hidden>
      {Array.from({ length: Math.min(n, 10) }, (_, index) => (
        <li key={index} className={classes.hit}>
          <Skeleton className={classes.stage} animate={false} radius="md" />
          <span className={classes.facts} />
        </li>
      ))}
    </ol>
  );
}

function labelOf(
  imageId: string,
  method: string,
  rank: number,
  methods: readonly string[],
  ranks: readonly Map<string, number>[],
  naming: Naming,
): string {
  const elsewhere = methods.flatMap((other, index) => {
    const there = ranks[index]?.get(imageId);
    return other === method || there === undefined ? [] : [`${naming.title(other)} rank ${there}`];
  });
  const also = elsewhere.length > 0 ? `, also found by ${elsewhere.join(", ")}` : "";
  return `Rank ${rank}: ${imageId}${also}`;
}

function placeOf(target: EventTarget): Place | null {
  const at = target instanceof HTMLElement ? target.dataset.at : undefined;
  const [column, row] = (at ?? "").split(":").map(Number);
  return column === undefined || row === undefined || Number.isNaN(column) ? null : { column, row };
}

function clamped({ column, row }: Place, rows: readonly number[]): Place {
  if ((rows[column] ?? 0) > 0) return { column, row: Math.min(row, (rows[column] ?? 1) - 1) };
  const first = rows.findIndex((length) => length > 0);
  return { column: Math.max(first, 0), row: 0 };
}

/** Up and down in the column; sideways to the same image where it is, else to the same rank. */
export function placeAfter(
  key: string,
  { column, row }: Place,
  columns: readonly Pick<ExploredMethod, "hits">[],
  rows: readonly number[],
  ranks: readonly Map<string, number>[],
): Place | null {
  const last = (rows[column] ?? 1) - 1;
  if (key === "ArrowUp") return row > 0 ? { column, row: row - 1 } : null;
  if (key === "ArrowDown") return row < last ? { column, row: row + 1 } : null;
  if (key === "Home") return { column, row: 0 };
  if (key === "End") return { column, row: last };
  const by = key === "ArrowRight" ? 1 : key === "ArrowLeft" ? -1 : 0;
  if (by === 0) return null;
  const image = columns[column]?.hits[row]?.image_id ?? "";
  for (let to = column + by; to >= 0 && to < columns.length; to += by) {
    const length = rows[to] ?? 0;
    if (length === 0) continue;
    const rank = ranks[to]?.get(image);
    return { column: to, row: rank === undefined ? Math.min(row, length - 1) : rank - 1 };
  }
  return null;
}
