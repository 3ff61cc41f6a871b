/** Fixed qualitative colours for methods and categories: the same here, in figures and reports.
 *
 * The same as QUALITATIVE in apps/analytics/palette.py. A method or category keeps its colour by
 * its place in the study's list.
 */
export const QUALITATIVE = [
  "#0072b2",
  "#e69f00",
  "#009e73",
  "#cc79a7",
  "#d55e00",
  "#56b4e9",
  "#b8a900",
  "#5b5b5b",
  "#882255",
  "#332288",
  "#117733",
  "#8a5a33",
] as const;

export const qualitative = (index: number): string =>
  QUALITATIVE[index % QUALITATIVE.length] as string;
