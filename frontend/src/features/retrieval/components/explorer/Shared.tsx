import { SegmentedControl, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import type { CSSProperties } from "react";
import { counted } from "@/lib/format";
import type { Exploration } from "../../api/types";
import {
  byNumberOfFinders,
  commonOf,
  CUTOFFS,
  cutoffOf,
  findersOf,
  type Cutoff,
} from "../../lib/explorer";
import type { Naming } from "./Columns";
import classes from "./Shared.module.css";

/** How deep to look. */
export function CutoffControl({ n, onChange }: { n: Cutoff; onChange: (n: Cutoff) => void }) {
  return (
    <div className={classes.cutoff}>
      <span id="cutoff">First</span>
      <SegmentedControl
        aria-labelledby="cutoff"
        size="xs"
        value={String(n)}
        onChange={(value) => onChange(cutoffOf(value))}
        data={CUTOFFS.map(String)}
      />
    </div>
  );
}

interface MatrixProps {
  exploration: Exploration;
  methods: readonly string[];
  n: Cutoff;
  naming: Naming;
}

/** CR@n between every two methods, for this one image. */
export function CommonMatrix({ exploration, methods, n, naming }: MatrixProps) {
  if (methods.length < 2) return null;
  return (
    <div>
      <h3 className={classes.heading}>Common results, CR@{n}</h3>
      <div className={classes.scroll}>
        <table className={classes.matrix}>
          <thead>
            <tr>
              <td />
              {methods.slice(0, -1).map((method) => (
                <th key={method} scope="col" title={naming.title(method)}>
                  <i style={{ background: naming.colour(method) }} />
                  <VisuallyHidden>{naming.title(method)}</VisuallyHidden>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {methods.slice(1).map((a, row) => (
              <tr key={a}>
                <th scope="row" title={naming.title(a)}>
                  <span>
                    <i style={{ background: naming.colour(a) }} />
                    <span className={classes.name}>{naming.title(a)}</span>
                  </span>
                </th>
                {methods.slice(0, -1).map((b, column) => {
                  if (column > row) return <td key={b} />;
                  const value = commonOf(exploration, a, b, n);
                  return (
                    <td
                      key={b}
                      className={classes.cell}
                      style={shade(value)}
                      title={
                        value === null
                          ? "One of the two has no answer."
                          : `${Math.round(value * n)} of ${n} in common`
                      }
                    >
                      {value === null ? "–" : value.toFixed(2)}
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </div>
  );
}

function shade(value: number | null): CSSProperties {
  if (value === null) return {};
  return {
    backgroundColor: `color-mix(in srgb, var(--mantine-primary-color-filled) ${Math.round(4 + 40 * value)}%, transparent)`,
  };
}

interface FoundByProps {
  exploration: Exploration;
  n: Cutoff;
  chosen: number | null;
  onChoose: (finders: number | null) => void;
}

/** How many methods found an image; pressing a line fades the others. */
export function FoundBy({ exploration, n, chosen, onChoose }: FoundByProps) {
  const answered = exploration.methods.filter(({ state }) => state === "done");
  if (answered.length < 2) return null;
  const lines = byNumberOfFinders(findersOf(answered, n), answered.length);
  const most = Math.max(1, ...lines.map(({ images }) => images));
  const total = lines.reduce((sum, { images }) => sum + images, 0);
  return (
    <div>
      <h3 className={classes.heading}>Found by how many</h3>
      <div className={classes.lines}>
        {lines.map(({ finders, images }) => (
          <UnstyledButton
            key={finders}
            className={classes.line}
            aria-pressed={chosen === finders}
            disabled={images === 0}
            onClick={() => onChoose(chosen === finders ? null : finders)}
          >
            <span>{wordOf(finders, answered.length)}</span>
            <span className={classes.bar} aria-hidden>
              <i style={{ width: `${(100 * images) / most}%` }} />
            </span>
            <span className={classes.count}>{images}</span>
          </UnstyledButton>
        ))}
      </div>
      <Text size="xs" c="dimmed" mt={6} className="tabular">
        {counted(total, "image")} in {answered.length} columns
      </Text>
    </div>
  );
}

function wordOf(finders: number, methods: number): string {
  if (finders === methods) return methods === 2 ? "both methods" : `all ${methods} methods`;
  return finders === 1 ? "one method" : `${finders} methods`;
}
