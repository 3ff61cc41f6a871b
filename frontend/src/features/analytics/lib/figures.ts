/** Make the server's figures wear the page's theme. */
import { theme } from "@/config/theme";

type Json = Record<string, unknown>;

const isJson = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export interface Ink {
  text: string;
  quiet: string;
  line: string;
  font: string;
}

const FONT = theme.fontFamily ?? "sans-serif";

export const INK: Record<"light" | "dark", Ink> = {
  light: { text: "#1b2023", quiet: "#5d656b", line: "#d9dcde", font: FONT },
  dark: { text: "#e4e7e9", quiet: "#98a1a8", line: "#363d43", font: FONT },
};

/** Vega-Lite's configuration for a theme: colours of words and lines, never of the data. */
export function themeConfig({ text, quiet, line, font }: Ink): Json {
  const words = {
    labelColor: quiet,
    titleColor: text,
    labelFont: font,
    titleFont: font,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 500,
  };
  return {
    background: "transparent",
    // The page names the whole drawing; the table beneath has the numbers.
    aria: false,
    font,
    title: { color: text, subtitleColor: quiet, font, subtitleFont: font },
    axis: { ...words, domainColor: line, tickColor: line, gridColor: line },
    legend: words,
    header: words,
    view: { stroke: line },
    text: { color: text },
  };
}

/** The specification with a configuration laid over its own. */
export function themed(spec: Json, config: Json): Json {
  const rest = { ...spec };
  // A figure's own white would stand out of a dark page.
  delete rest.background;
  return { ...rest, config: overlaid(isJson(spec.config) ? spec.config : {}, config) };
}

/** The lines beneath a figure's title, which the page shows as text. */
export function subtitleOf(spec: Json): string[] {
  const subtitle = isJson(spec.title) ? spec.title.subtitle : undefined;
  if (typeof subtitle === "string") return [subtitle];
  return Array.isArray(subtitle)
    ? subtitle.filter((line): line is string => typeof line === "string")
    : [];
}

/** Room that axes, their titles and a legend take beside the drawing, in pixels. */
const BESIDE = 190;
const BETWEEN = 70;
const LEAST = 200;
const MOST = 560;

/**
 * The specification drawn to the width at hand and without its title, which the page shows itself.
 *
 * A figure in panels gets as many columns as fit, never more than it has panels.
 */
export function fitted(spec: Json, width: number): Json {
  const rest = { ...spec };
  delete rest.title;
  const inner = rest.spec;
  if (isJson(inner) && typeof inner.width === "number") {
    const panels = panelsOf(rest);
    const base = Math.min(inner.width, width - BESIDE);
    const room = Math.max(
      1,
      Math.floor((width - BESIDE + BETWEEN) / (Math.max(LEAST, base) + BETWEEN)),
    );
    // Rows of about the same length: five panels where four fit make 3 and 2, not 4 and 1.
    const columns = Math.ceil(panels / Math.ceil(panels / room));
    const panel = (width - BESIDE - BETWEEN * (columns - 1)) / columns;
    return { ...rest, columns, spec: { ...inner, width: within(panel) } };
  }
  if (typeof rest.width === "number" && rest.width > width - BESIDE)
    return { ...rest, width: within(width - BESIDE) };
  return rest;
}

const within = (width: number) => Math.round(Math.min(MOST, Math.max(LEAST, width)));

/** How many panels a figure has, from its data. */
function panelsOf({ facet, datasets }: Json): number {
  const named = isJson(facet) && isJson(facet.facet) ? facet.facet : facet;
  const field = isJson(named) ? named.field : undefined;
  if (typeof field !== "string" || !isJson(datasets)) return 1;
  const values = new Set<unknown>();
  for (const rows of Object.values(datasets)) {
    if (!Array.isArray(rows)) continue;
    for (const row of rows) if (isJson(row) && field in row) values.add(row[field]);
  }
  return Math.max(1, values.size);
}

function overlaid(below: Json, above: Json): Json {
  const result: Json = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const under = below[key];
    result[key] = isJson(under) && isJson(value) ? overlaid(under, value) : value;
  }
  return result;
}
