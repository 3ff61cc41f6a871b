"""What all figures share: words, colours, panels, the frame."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.analytics import palette
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


def category_title(name: str) -> str:
    return ALL if name == "all" else name


def plural(n: int, one: str, many: str = "") -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def queries_in_words(report: Report) -> str:
    return plural(report.counts["n_queries"], "query", "queries")


def subtitle_of(report: Report, *lines: str) -> list[str]:
    study = report.data.study
    origin = {"simulated": "Simulated judgments", "labels": "Labels stand in for people"}
    codes = [notice["code"] for notice in report.notices]
    said = [text for code, text in origin.items() if code in codes]
    return [*lines, " · ".join([study.name, *said])]


def method_scale(methods: Sequence[str]) -> "alt.Scale":
    import altair as alt

    colours = palette.method_colours(methods)
    return alt.Scale(domain=list(colours), range=list(colours.values()))


def finished(
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


def panelled(layers: Any, order: Sequence[str], *, columns: int) -> Any:
    """Small multiples in a given order."""
    import altair as alt

    columns = min(columns, len(order))
    chart = layers.facet(facet=alt.Facet("panel:N", title=None, sort=list(order)), columns=columns)
    # Shared axes stand below the last row, also where the last row has no panel.
    return chart.resolve_axis(x="independent") if len(order) % columns else chart
