"""The report's figures as Vega-Lite, one list for the page, the release and papers.

A figure sets no colour of text or background, so that a page may show it in either theme;
`EXPORT_CONFIG` adds what a figure on paper needs. Built from a report's rows alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.analytics import palette
from apps.analytics.compute.agreement import EXACT
from apps.analytics.compute.precision import CUTOFFS
from apps.analytics.selectors.report import Report

if TYPE_CHECKING:
    import altair as alt  # 25 MB and a third of a second: loaded when the first figure is made

Row = dict[str, Any]
QUIET = "#8A8A8A"
ALL = "All categories"
MATRIX_N = 10
LABEL_PX = 360  # fusions have long names: combmnz_minmax(r_full+r_sum+r_max)
LETTER_PX = 6.5

EXPORT_CONFIG: dict[str, Any] = {
    "background": "#FFFFFF",
    "font": "Liberation Sans, Arial, sans-serif",
    "title": {"anchor": "start", "fontSize": 15, "subtitleFontSize": 11, "subtitlePadding": 5},
    "axis": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"},
    "header": {"labelFontSize": 12, "labelFontWeight": "bold", "labelAnchor": "start"},
    "legend": {"labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"},
    "view": {"stroke": "#D8D8D8"},
}


@dataclass(frozen=True)
class Figure:
    name: str
    section: str
    title: str
    spec: dict[str, Any]


def figures_of(*, report: Report) -> list[Figure]:
    """Every figure that has something to show, in the order of the report."""
    drawn = (draw(report) for draw in _FIGURES)
    return [figure for figure in drawn if figure is not None]


def _category(name: str) -> str:
    return ALL if name == "all" else name


def _plural(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _queries(report: Report) -> str:
    return _plural(report.counts["n_queries"], "query", "queries")


def _subtitle(report: Report, *lines: str) -> list[str]:
    study = report.data.study
    origin = {"simulated": "Simulated judgments", "labels": "Labels stand in for people"}
    codes = [notice["code"] for notice in report.notices]
    said = [text for code, text in origin.items() if code in codes]
    return [*lines, " · ".join([study.name, *said])]


def _method_scale(methods: Sequence[str]) -> "alt.Scale":
    import altair as alt

    colours = palette.method_colours(methods)
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def _finished(
    chart: Any, *, name: str, section: str, title: str, subtitle: list[str], shown_title: Any = None
) -> Figure:
    """`shown_title` is an expression where what is shown depends on a choice on the page."""
    import altair as alt

    # Not validated here: the schema takes 20 MB and a second. A test validates every figure.
    spec = chart.properties(
        title=alt.TitleParams(text=shown_title or title, subtitle=subtitle, anchor="start"),
        autosize=alt.AutoSizeParams(type="pad"),
        usermeta={"name": name},
    ).configure_facet(spacing=18)
    return Figure(name=name, section=section, title=title, spec=spec.to_dict(validate=False))


def _panels(layers: Any, order: Sequence[str], *, columns: int) -> Any:
    """Small multiples in a given order."""
    import altair as alt

    columns = min(columns, len(order))
    chart = layers.facet(facet=alt.Facet("panel:N", title=None, sort=list(order)), columns=columns)
    # Shared axes stand below the last row, also where the last row has no panel.
    return chart.resolve_axis(x="independent") if len(order) % columns else chart


def _agreement(report: Report) -> Figure | None:
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
        row["category"]: f"{_category(row['category'])} (n = {_plural(row['n_pairs'], 'pair')})"
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
    chart = _panels(layers, list(panels.values()), columns=2)
    n_assessors = _plural(report.counts["n_assessors"], "assessor")
    return _finished(
        chart,
        name="agreement",
        section="agreement",
        title="How often two assessors agree, by cut of the scale",
        subtitle=_subtitle(
            report,
            f"Micro-average accuracy with 95 % intervals over queries; {n_assessors}, "
            f"{_plural(report.counts['n_items_multi'], 'image pair')} judged at least twice",
        ),
    )


def _model_curves(report: Report) -> Figure | None:
    """What each method shares with every other, at growing n, over the minimal baseline 1 / n."""
    import altair as alt

    rows = [
        row
        for row in report.tables["model_agreement"]
        if row["measure"] == "CR" and row["category"] == "all" and row["value"] is not None
    ]
    if not rows:
        return None
    values = [
        {"panel": one, "method": other, "n": row["n"], "cr": row["value"]}
        for row in rows
        for one, other in (
            (row["method_a"], row["method_b"]),
            (row["method_b"], row["method_a"]),
        )
    ]
    methods = [name for name in report.data.methods if any(v["panel"] == name for v in values)]
    grid = sorted({row["n"] for row in rows})
    values += [{"panel": name, "n": n, "floor": 1 / n} for name in methods for n in grid]
    x = alt.X(
        "n:Q",
        title="n (results compared, log scale)",
        scale=alt.Scale(type="log", domain=[1, max(grid[-1], 2)]),
        axis=alt.Axis(values=[n for n in (1, 2, 5, 10, 20, 50, 100, 200, 500) if n <= grid[-1]]),
    )
    base = alt.Chart()
    lines = base.mark_line(point=alt.OverlayMarkDef(size=28), strokeWidth=2).encode(
        x=x,
        y=alt.Y(
            "cr:Q",
            title="share of common results",
            axis=alt.Axis(format=".0%"),
            scale=alt.Scale(domain=[0, 1]),
        ),
        color=alt.Color(
            "method:N",
            title="shared with",
            scale=_method_scale(report.data.methods),
            legend=alt.Legend(labelLimit=LABEL_PX),
        ),
        tooltip=[
            alt.Tooltip("panel:N", title="method"),
            alt.Tooltip("method:N", title="shared with"),
            alt.Tooltip("n:Q"),
            alt.Tooltip("cr:Q", title="common results", format=".1%"),
        ],
    )
    floor = base.mark_line(strokeDash=[4, 3], color=QUIET, strokeWidth=1.2).encode(
        x=x, y=alt.Y("floor:Q")
    )
    chart = alt.layer(
        floor.transform_filter("isValid(datum.floor)"),
        lines.transform_filter("isValid(datum.cr)"),
        data=alt.InlineData(values=values),
    ).properties(width=230, height=160)
    chart = _panels(chart, methods, columns=3)
    return _finished(
        chart,
        name="model_curves",
        section="models",
        title="How many of their first n results two methods share",
        subtitle=_subtitle(
            report,
            f"Common result ratio, mean over {_queries(report)}; dashed: one shared result (1 / n)",
        ),
    )


def _model_matrix(report: Report) -> Figure | None:
    """Common results of all pairs of methods at one n, which the page lets a person choose."""
    import altair as alt

    rows = [
        row
        for row in report.tables["model_agreement"]
        if row["measure"] == "CR" and row["category"] == "all" and row["value"] is not None
    ]
    if not rows:
        return None
    grid = sorted({row["n"] for row in rows})
    shown = max(n for n in grid if n <= MATRIX_N)
    values = [
        {"a": one, "b": other, "n": row["n"], "cr": row["value"]}
        for row in rows
        for one, other in (
            (row["method_a"], row["method_b"]),
            (row["method_b"], row["method_a"]),
        )
    ]
    methods = [name for name in report.data.methods if any(v["a"] == name for v in values)]
    chosen = alt.param(
        name="n", value=shown, bind=alt.binding_select(options=grid, name="First n results: ")
    )
    side = max(64, min(90, 560 // len(methods)))
    fits = max(map(len, methods)) * LETTER_PX <= side
    base = (
        alt.Chart()
        .encode(
            x=alt.X(
                "a:N",
                sort=methods,
                title="method",
                axis=alt.Axis(labelAngle=0 if fits else -35, labelLimit=LABEL_PX),
            ),
            y=alt.Y("b:N", sort=methods, title="method", axis=alt.Axis(labelLimit=LABEL_PX)),
        )
        .transform_filter("datum.n == n")
    )
    cells = base.mark_rect().encode(
        color=alt.Color(
            "cr:Q",
            title="common results",
            scale=alt.Scale(domain=[0, 1], scheme="viridis"),
            legend=alt.Legend(format=".0%"),
        ),
        tooltip=[
            alt.Tooltip("a:N", title="method"),
            alt.Tooltip("b:N", title="method"),
            alt.Tooltip("n:Q"),
            alt.Tooltip("cr:Q", title="common results", format=".1%"),
        ],
    )
    texts = base.mark_text(fontSize=12).encode(
        text=alt.Text("cr:Q", format=".2f"),
        color=alt.condition("datum.cr > 0.55", alt.value("#111111"), alt.value("#FFFFFF")),
    )
    chart = (
        alt.layer(cells, texts, data=alt.InlineData(values=values))
        .add_params(chosen)
        .properties(width=side * len(methods), height=44 * len(methods))
    )
    return _finished(
        chart,
        name="model_matrix",
        section="models",
        title="Common results of every two methods",
        shown_title=alt.ExprRef("'Common results of every two methods among their first ' + n"),
        subtitle=_subtitle(
            report,
            f"Common result ratio, mean over {_queries(report)}",
        ),
    )


def _pool(report: Report) -> Figure | None:
    """What each method brought to the pools, and what no other method would have brought."""
    import altair as alt

    rows = [row for row in report.pool["by_method"] if row["category"] == "all" and row["n_found"]]
    if not rows:
        return None
    only, shared = "found by this method only", "found by others too"
    values = [
        {"method": row["method"], "kind": kind, "order": order, "pairs": n, "found": row["n_found"]}
        for row in rows
        for order, (kind, n) in enumerate(
            ((only, row["n_unique"]), (shared, row["n_found"] - row["n_unique"]))
        )
    ]
    methods = [row["method"] for row in rows]
    chart = (
        alt.Chart(alt.InlineData(values=values))
        .mark_bar(height=18)
        .encode(
            y=alt.Y("method:N", sort=methods, title="method", axis=alt.Axis(labelLimit=LABEL_PX)),
            x=alt.X("pairs:Q", title="image pairs in the pools", axis=alt.Axis(tickMinStep=1)),
            order=alt.Order("order:Q"),
            color=alt.Color("method:N", scale=_method_scale(report.data.methods), legend=None),
            opacity=alt.Opacity(
                "kind:N",
                title=None,
                scale=alt.Scale(domain=[only, shared], range=[1, 0.3]),
                legend=alt.Legend(orient="top", symbolFillColor=QUIET, symbolStrokeWidth=0),
            ),
            tooltip=[
                alt.Tooltip("method:N"),
                alt.Tooltip("kind:N", title="pairs"),
                alt.Tooltip("pairs:Q", title="number"),
                alt.Tooltip("found:Q", title="of all it found"),
            ],
        )
        .properties(width=480, height=34 * len(methods))
    )
    return _finished(
        chart,
        name="pool_unique",
        section="models",
        title="What each method adds to the pools",
        subtitle=_subtitle(
            report,
            f"{_plural(report.pool['n_pairs'], 'image pair')} of {_queries(report)}, "
            f"the first {report.pool['depth']} results of each method",
        ),
    )


def _precision(report: Report) -> Figure | None:
    """Precision of each method at the cut-offs of the paper's table 4, a panel per category."""
    import altair as alt

    rows = [
        row
        for row in report.tables["precision"]
        if row["measure"].startswith("P@") and row["value"] is not None
    ]
    if not rows:
        return None
    order = [scope for scope, _ in report.data.scopes()]
    n_of = {row["category"]: row["n_queries"] for row in rows}
    panels = {
        scope: f"{_category(scope)} (n = {_plural(n_of[scope], 'query', 'queries')})"
        for scope in order
        if scope in n_of
    }
    values = [
        {
            "panel": panels[row["category"]],
            "method": row["method"],
            "at": int(row["measure"].removeprefix("P@")),
            "p": row["value"],
            "low": row["ci_low"],
            "high": row["ci_high"],
            "judged": row["judged"],
        }
        for row in rows
    ]
    methods = [name for name in report.data.methods if any(v["method"] == name for v in values)]
    x = alt.X("at:O", sort=list(CUTOFFS), title="N (first results)", axis=alt.Axis(labelAngle=0))
    offset = alt.XOffset("method:N", sort=methods)
    colour = alt.Color(
        "method:N",
        title="method",
        scale=_method_scale(report.data.methods),
        legend=alt.Legend(symbolOpacity=1, symbolStrokeWidth=0, labelLimit=LABEL_PX),
    )
    base = alt.Chart()
    chart = alt.layer(
        base.mark_rule(strokeWidth=2, opacity=0.55)
        .encode(x=x, xOffset=offset, y=alt.Y("low:Q"), y2="high:Q", color=colour)
        .transform_filter("isValid(datum.low)"),
        base.mark_circle(size=60, opacity=1).encode(
            x=x,
            xOffset=offset,
            y=alt.Y(
                "p:Q",
                title="precision P@N",
                axis=alt.Axis(format=".0%", tickCount=5),
                scale=alt.Scale(domain=[0, 1]),
            ),
            color=colour,
            tooltip=[
                alt.Tooltip("panel:N", title="category"),
                alt.Tooltip("method:N"),
                alt.Tooltip("at:O", title="N"),
                alt.Tooltip("p:Q", title="precision", format=".1%"),
                alt.Tooltip("low:Q", title="95 % from", format=".1%"),
                alt.Tooltip("high:Q", title="to", format=".1%"),
                alt.Tooltip("judged:Q", title="judged", format=".0%"),
            ],
        ),
        data=alt.InlineData(values=values),
    ).properties(width=300, height=170)
    chart = _panels(chart, list(panels.values()), columns=2)
    return _finished(
        chart,
        name="precision",
        section="precision",
        title="How many of the first N results people find similar",
        subtitle=_subtitle(
            report,
            "Micro-average precision with 95 % intervals over judged queries; relevant from "
            f"consensus level {report.data.relevant_from}, unjudged results are not",
        ),
    )


_FIGURES: tuple[Callable[[Report], Figure | None], ...] = (
    _agreement,
    _model_curves,
    _model_matrix,
    _pool,
    _precision,
)
