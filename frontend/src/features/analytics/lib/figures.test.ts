import { describe, expect, it } from "vitest";
import { fitted, INK, subtitleOf, themeConfig, themed } from "./figures";

it("lays the theme over the figure's own configuration and leaves the rest", () => {
  const spec = {
    mark: "point",
    background: "white",
    config: { axis: { labelColor: "black", tickCount: 5 }, range: { category: ["#0072B2"] } },
  };
  const dark = themed(spec, themeConfig(INK.dark));
  expect(dark).toMatchObject({
    mark: "point",
    config: {
      background: "transparent",
      axis: { labelColor: INK.dark.quiet, tickCount: 5 },
      range: { category: ["#0072B2"] },
    },
  });
  expect(dark).not.toHaveProperty("background");
  expect(spec.config.axis.labelColor).toBe("black");
});

describe("fitted", () => {
  const spec = {
    title: { text: "Agreement", subtitle: ["29 pairs", "Thorax"] },
    facet: { field: "panel", type: "nominal" },
    columns: 2,
    datasets: { d1: [{ panel: "MD" }, { panel: "CS" }, { panel: "all" }, { panel: "MD" }] },
    spec: { mark: "point", width: 300 },
  };

  it.each([
    ["one column on a phone", 350, 1, 200],
    // 900 - 190 beside = 710: two panels of 300 and 70 between fit, three (1040) do not.
    ["two columns where two fit, a little wider", 900, 2, 320],
    // 1400 - 190 = 1210 = 3 x 356.67 + 2 x 70: never more columns than the three panels.
    ["all panels in one row on a wide page", 1400, 3, 357],
  ])("%s", (_, width, columns, panel) => {
    const drawn = fitted(spec, width);
    expect(drawn).toMatchObject({ columns, spec: { mark: "point", width: panel } });
    expect(drawn).not.toHaveProperty("title");
  });

  it("makes even rows of five panels where four fit", () => {
    // 1400 - 190 = 1210: four panels of 230 and 3 x 70 between fit (1130).
    const rows = ["a", "b", "c", "d", "e"].map((panel) => ({ panel }));
    const five = { ...spec, datasets: { d1: rows }, spec: { mark: "line", width: 230 } };
    expect(fitted(five, 1400)).toMatchObject({ columns: 3 });
  });

  it("leaves a figure that fits as it is", () => {
    expect(fitted({ mark: "bar", width: 480 }, 1000)).toEqual({ mark: "bar", width: 480 });
    expect(fitted({ mark: "bar", width: 480 }, 500)).toEqual({ mark: "bar", width: 310 });
  });

  it("hands the lines beneath the title to the page", () => {
    expect(subtitleOf(spec)).toEqual(["29 pairs", "Thorax"]);
    expect(subtitleOf({ title: "Plain" })).toEqual([]);
  });
});
