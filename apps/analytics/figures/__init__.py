"""The report's figures as Vega-Lite, one list for the page, the release and papers.

A figure sets no colour of text or background, so that a page may show it in either theme;
`EXPORT_CONFIG` adds what a figure on paper needs. Built from a report's rows alone.
"""

from collections.abc import Callable

from apps.analytics.figures.base import EXPORT_CONFIG, Figure
from apps.analytics.figures.methods import model_curves, model_matrix, pool, precision
from apps.analytics.figures.people import agreement
from apps.analytics.selectors.report import Report

__all__ = ["EXPORT_CONFIG", "Figure", "figures_of"]


_FIGURES: tuple[Callable[[Report], Figure | None], ...] = (
    agreement,
    model_curves,
    model_matrix,
    pool,
    precision,
)


def figures_of(*, report: Report) -> list[Figure]:
    """Every figure that has something to show, in the order of the report."""
    drawn = (draw(report) for draw in _FIGURES)
    return [figure for figure in drawn if figure is not None]
