"""Figures of agreement between people."""

from apps.analytics import palette
from apps.analytics.compute.agreement import EXACT
from apps.analytics.figures.base import (
    Figure,
    category_title,
    finished,
    panelled,
    plural,
    subtitle_of,
)
from apps.analytics.selectors.report import Report


def agreement(report: Report) -> Figure | None:
    """A dot with its interval for each category and cut, in the order of the paper's table 3."""
    import altair as alt

    rows = [
        row
        for row in report.tables["agreement"]
        if row["measure"] == "maa" and row["value"] is not None
    ]
    if not rows:
        return None
    cuts = [cut.name for cut in report.data.cuts] + [EXACT]
    panels: dict[str, str] = {
        row["category"]: f"{category_title(row['category'])} (n = {plural(row['n_pairs'], 'pair')})"
        for row in rows
    }
    values = [
        {
            "panel": panels[row["category"]],
            "cut": row["aggregation"],
            "maa": row["value"],
            "low": row["ci_low"],
            "high": row["ci_high"],
            "items": row["n_items"],
            "pairs": row["n_pairs"],
        }
        for row in rows
    ]
    y = alt.Y("cut:N", sort=cuts, title="cut of the scale")
    tooltip = [
        alt.Tooltip("panel:N", title="category"),
        alt.Tooltip("cut:N", title="cut"),
        alt.Tooltip("maa:Q", title="agreement", format=".1%"),
        alt.Tooltip("low:Q", title="95 % from", format=".1%"),
        alt.Tooltip("high:Q", title="to", format=".1%"),
        alt.Tooltip("items:Q", title="image pairs"),
        alt.Tooltip("pairs:Q", title="pairs of ratings"),
    ]
    x = alt.X(
        "maa:Q",
        title="pairs of ratings that agree",
        axis=alt.Axis(format=".0%", tickCount=5),
        scale=alt.Scale(domain=[0, 1]),
    )
    colour = palette.QUALITATIVE[0]
    base = alt.Chart()
    layers = alt.layer(
        base.mark_rule(strokeWidth=2, color=colour, opacity=0.55)
        .encode(x=alt.X("low:Q"), x2="high:Q", y=y)
        .transform_filter("isValid(datum.low)"),
        base.mark_circle(size=70, color=colour, opacity=1).encode(x=x, y=y, tooltip=tooltip),
        data=alt.InlineData(values=values),
    ).properties(width=300, height=110)
    chart = panelled(layers, list(panels.values()), columns=2)
    n_assessors = plural(report.counts["n_assessors"], "assessor")
    return finished(
        chart,
        name="agreement",
        section="agreement",
        title="How often two assessors agree, by cut of the scale",
        subtitle=subtitle_of(
            report,
            f"Micro-average accuracy with 95 % intervals over queries; {n_assessors}, "
            f"{plural(report.counts['n_items_multi'], 'image pair')} judged at least twice",
        ),
    )
