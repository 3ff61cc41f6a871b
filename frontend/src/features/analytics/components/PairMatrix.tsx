import type { CSSProperties } from "react";
import { count } from "@/lib/format";
import type { AssessorPairRow } from "../api/types";
import { numberOf } from "../lib/numbers";
import classes from "./PairMatrix.module.css";
import { Value } from "./ReportTable";

/** Below so many pairs judged by both, a cell is hatched: it says little. */
export const FEW = 10;

interface Props {
  rows: readonly AssessorPairRow[];
  reasonOf: (row: AssessorPairRow) => string;
}

/** Who agrees with whom: a matrix with n in each cell. */
export function PairMatrix({ rows, reasonOf }: Props) {
  const names = [...new Set(rows.flatMap((row) => [row.assessor_a, row.assessor_b]))].sort();
  const byPair = new Map(rows.map((row) => [`${row.assessor_a}\n${row.assessor_b}`, row]));
  const rowOf = (a: string, b: string) => byPair.get(`${a}\n${b}`) ?? byPair.get(`${b}\n${a}`);
  return (
    <div className={classes.scroll}>
      <table className={`${classes.matrix} tabular`}>
        <thead>
          <tr>
            <td />
            {names.map((name) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {names.map((a) => (
            <tr key={a}>
              <th scope="row">{a}</th>
              {names.map((b) => {
                const row = rowOf(a, b);
                if (a === b) return <td key={b} className={`${classes.cell} ${classes.self}`} />;
                if (!row) return <td key={b} className={classes.cell} />;
                return (
                  <td
                    key={b}
                    className={classes.cell}
                    data-few={row.n_items < FEW || undefined}
                    style={shade(row)}
                  >
                    <Value text={numberOf(row.value, row.measure)} reason={reasonOf(row)} />
                    <small>n = {count(row.n_items)}</small>
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** From half (chance) up, the accent grows; the number itself is always there. */
function shade({ value }: AssessorPairRow): CSSProperties {
  if (value === null) return {};
  const share = Math.max(0, Math.min(1, (value - 0.4) / 0.6));
  return {
    backgroundColor: `color-mix(in srgb, var(--mantine-primary-color-filled) ${Math.round(4 + 30 * share)}%, transparent)`,
  };
}
