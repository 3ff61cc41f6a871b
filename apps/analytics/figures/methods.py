"""Figures of methods: what they share, what they bring to the pools, their precision."""

from apps.analytics.compute.precision import CUTOFFS
from apps.analytics.figures.base import (
    LABEL_PX,
    LETTER_PX,
    MATRIX_N,
    QUIET,
    Figure,
    category_title,
    finished,
    method_scale,
    panelled,
    plural,
    queries_in_words,
    subtitle_of,
)
from apps.analytics.selectors.report import Report


def model_curves(report: Report) -> Figure | None:
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
            scale=method_scale(report.data.methods),
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
    chart = panelled(chart, methods, columns=3)
    return finished(
        chart,
        name="model_curves",
        section="models",
        title="How many of their first n results two methods share",
        subtitle=subtitle_of(
            report,
            f"Common result ratio, mean over {queries_in_words(report)}; "
            "dashed: one shared result (1 / n)",
        ),
    )


def model_matrix(report: Report) -> Figure | None:
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
    return finished(
        chart,
        name="model_matrix",
        section="models",
        title="Common results of every two methods",
        shown_title=alt.ExprRef("'Common results of every two methods among their first ' + n"),
        subtitle=subtitle_of(
            report,
            f"Common result ratio, mean over {queries_in_words(report)}",
        ),
    )


def pool(report: Report) -> Figure | None:
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
            color=alt.Color("method:N", scale=method_scale(report.data.methods), legend=None),
            opacity=alt.Opacity(
                "kind:O",
                sort=[only, shared],
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
    return finished(
        chart,
        name="pool_unique",
        section="models",
        title="What each method adds to the pools",
        subtitle=subtitle_of(
            report,
            f"{plural(report.pool['n_pairs'], 'image pair')} of {queries_in_words(report)}, "
            f"the first {report.pool['depth']} results of each method",
        ),
    )


def precision(report: Report) -> Figure | None:
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
        scope: f"{category_title(scope)} (n = {plural(n_of[scope], 'query', 'queries')})"
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
        scale=method_scale(report.data.methods),
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
    chart = panelled(chart, list(panels.values()), columns=2)
    return finished(
        chart,
        name="precision",
        section="precision",
        title="How many of the first N results people find similar",
        subtitle=subtitle_of(
            report,
            "Micro-average precision with 95 % intervals over judged queries; relevant from "
            f"consensus level {report.data.relevant_from}, unjudged results are not",
        ),
    )
