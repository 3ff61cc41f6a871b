import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** Petrol: the one accent. It stays clear of the level ramp and of the qualitative palette. */
const petrol: MantineColorsTuple = [
  "#e9f6f3",
  "#d3ebe6",
  "#a6d7cd",
  "#75c1b3",
  "#4aab9b",
  "#26978a",
  "#0d8073",
  "#0a6f64",
  "#075a52",
  "#04443e",
];

/** A grey with a trace of the accent's hue. Steps 7 to 9 are the dark theme's surfaces. */
const grey: MantineColorsTuple = [
  "#f7f8f8",
  "#eff0f1",
  "#e3e5e6",
  "#d0d3d5",
  "#adb2b6",
  "#848b91",
  "#646c73",
  "#4c545a",
  "#343b40",
  "#1f2428",
];
const dark: MantineColorsTuple = [
  "#e4e7e9",
  "#b9c0c5",
  "#98a1a8",
  "#747d84",
  "#4a5259",
  "#363d43",
  "#292f34",
  "#1d2225",
  "#16191c",
  "#101315",
];

const SANS =
  '"IBM Plex Sans Variable", ui-sans-serif, system-ui, -apple-system, "Segoe UI Variable Text", "Segoe UI", Roboto, "Noto Sans", "Liberation Sans", sans-serif';

export const theme = createTheme({
  primaryColor: "petrol",
  primaryShade: { light: 7, dark: 6 },
  autoContrast: true,
  luminanceThreshold: 0.32,
  colors: { petrol, gray: grey, dark },
  white: "#ffffff",
  black: "#1b2023",
  fontFamily: SANS,
  fontFamilyMonospace: 'ui-monospace, "SF Mono", "Cascadia Mono", "Liberation Mono", monospace',
  defaultRadius: "md",
  radius: { xs: "3px", sm: "5px", md: "8px", lg: "12px", xl: "18px" },
  headings: {
    fontFamily: SANS,
    fontWeight: "600",
    sizes: {
      h1: { fontSize: "1.65rem", lineHeight: "1.25" },
      h2: { fontSize: "1.2rem", lineHeight: "1.35" },
      h3: { fontSize: "1rem", lineHeight: "1.4" },
    },
  },
  focusRing: "auto",
  cursorType: "pointer",
  respectReducedMotion: true,
  components: {
    Paper: { defaultProps: { radius: "lg" } },
    Card: { defaultProps: { radius: "lg", withBorder: true } },
    Tooltip: { defaultProps: { openDelay: 350, withArrow: false } },
    Modal: {
      defaultProps: {
        centered: true,
        radius: "lg",
        overlayProps: { backgroundOpacity: 0.4 },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: {
        title: { fontWeight: 600 },
        content: { background: "var(--surface)" },
        header: { background: "var(--surface)" },
      },
    },
    Drawer: {
      defaultProps: {
        overlayProps: { backgroundOpacity: 0.3 },
        closeButtonProps: { "aria-label": "Close" },
      },
      styles: {
        title: { fontWeight: 600 },
        content: { background: "var(--surface)" },
        header: { background: "var(--surface)" },
      },
    },
    Kbd: { styles: { root: { fontFamily: "inherit", fontWeight: 500 } } },
    Badge: {
      defaultProps: { variant: "light", radius: "sm" },
      styles: { root: { textTransform: "none", fontWeight: 550 } },
    },
    Table: { defaultProps: { verticalSpacing: "xs", highlightOnHover: true } },
    Anchor: { defaultProps: { underline: "hover" } },
  },
});

/** Mantine's light variant is too heavy on the dark theme: a veil of the colour instead. */
const veil = (name: string, text: string) => ({
  [`--mantine-color-${name}-light`]: `color-mix(in srgb, ${text} 15%, transparent)`,
  [`--mantine-color-${name}-light-hover`]: `color-mix(in srgb, ${text} 22%, transparent)`,
  [`--mantine-color-${name}-light-color`]: text,
});

/** What Mantine has no word for. `--stage` lies behind images: never pure white or black. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: { "--header": "3.25rem" },
  light: {
    "--stage": "#e9e9ea",
    "--surface": "#ffffff",
    "--ground": "#f7f8f8",
    "--line": "#e3e5e6",
    "--quiet": "#5d656b",
    "--mantine-color-dimmed": "#5d656b",
    "--mantine-color-body": "#f7f8f8",
    "--mantine-color-default-border": "#d9dcde",
  },
  dark: {
    "--stage": "#1b1c1e",
    "--surface": "#1a1e21",
    "--ground": "#121517",
    "--line": "#2b3135",
    "--quiet": "#98a1a8",
    "--mantine-color-dimmed": "#98a1a8",
    "--mantine-color-body": "#121517",
    "--mantine-color-default": "#1d2225",
    ...veil("gray", "#b9c0c5"),
    ...veil("petrol", "#75c1b3"),
    ...veil("red", "#ff9b9b"),
    ...veil("orange", "#ffb27a"),
    ...veil("yellow", "#f5d26b"),
    ...veil("green", "#8fd3a0"),
    ...veil("blue", "#8fc1ef"),
    "--mantine-color-default-border": "#363d43",
  },
});
