/** The one colour ramp of similarity levels, for any scale of 2 to 11 levels.
 *
 * From pale sand (least similar) over green-blue to deep blue (most similar). Lightness falls
 * steadily, so the order holds for every kind of colour blindness and in grey print.
 */

/** The same as RAMP in apps/analytics/palette.py, which colours the figures. */
const STOPS = ["#eadfae", "#a9d0ae", "#5cb0b6", "#2f7fae", "#263f87"];
const LEAST = 2;
const MOST = 11;
/** Nearly black: a softer ink is not readable enough on the middle of the ramp. */
const INK = "#040607";

const toLinear = (channel: number): number =>
  channel <= 0.04045 ? channel / 12.92 : ((channel + 0.055) / 1.055) ** 2.4;

function channels(hex: string): [number, number, number] {
  const value = Number.parseInt(hex.slice(1), 16);
  return [(value >> 16) & 255, (value >> 8) & 255, value & 255];
}

/** Relative luminance (WCAG 2.2). */
export function luminance(hex: string): number {
  const [r, g, b] = channels(hex).map((channel) => toLinear(channel / 255)) as [
    number,
    number,
    number,
  ];
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** The ramp for `n` levels, least similar first. Throws outside 2..11. */
export function levelRamp(n: number): string[] {
  if (!Number.isInteger(n) || n < LEAST || n > MOST) {
    throw new RangeError(`a scale has ${LEAST} to ${MOST} levels, got ${n}`);
  }
  return Array.from({ length: n }, (_, index) => {
    const place = (index / (n - 1)) * (STOPS.length - 1);
    const from = Math.min(Math.floor(place), STOPS.length - 2);
    const share = place - from;
    const low = channels(STOPS[from] as string);
    const high = channels(STOPS[from + 1] as string);
    return `#${low
      .map((value, i) => Math.round(value + share * ((high[i] as number) - value)))
      .map((value) => value.toString(16).padStart(2, "0"))
      .join("")}`;
  });
}

export interface LevelColour {
  background: string;
  /** Readable on it: contrast of at least 4.5. */
  foreground: string;
}

/** The colour of each level of a scale, whatever its numbers are. */
export function levelColours(levels: readonly number[]): Map<number, LevelColour> {
  const ordered = [...new Set(levels)].sort((a, b) => a - b);
  const ramp = ordered.length >= LEAST ? levelRamp(ordered.length) : [STOPS[2] as string];
  return new Map(
    ordered.map((level, index) => {
      const background = ramp[index] as string;
      const light = 1.05 / (luminance(background) + 0.05);
      const dark = (luminance(background) + 0.05) / (luminance(INK) + 0.05);
      return [level, { background, foreground: light >= dark ? "#ffffff" : INK }];
    }),
  );
}
