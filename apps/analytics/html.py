"""The report as one HTML page that needs nothing else: figures inside, no scripts, no network."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.template.loader import render_to_string

from apps.analytics.release_format import VERSION
from apps.analytics.selectors.report import COLUMNS, Report

_TEXTS = {
    "category",
    "aggregation",
    "measure",
    "assessor_a",
    "assessor_b",
    "method_a",
    "method_b",
    "method",
    "family",
    "scope",
    "param",
    "reason",
}
_ID = re.compile(r'(\bid="|url\(#|href="#)')


def page(*, report: Report, figures: Mapping[str, Sequence[tuple[str, bytes]]]) -> str:
    """The whole page.

    Args:
        report: its numbers.
        figures: for each section its figures, as (name, SVG).
    """
    study, counts = report.data.study, report.counts
    return render_to_string(
        "analytics/report.html",
        {
            "study": study,
            "notices": report.notices,
            "facts": _facts(report),
            "sections": [
                {
                    "title": "Agreement between assessors",
                    "text": (
                        "Micro-average accuracy (maa): pairs of ratings that agree, of all pairs "
                        "of ratings of the same image pair. sd: over queries with such a pair, "
                        f"divisor n - 1. Intervals: {_method_of_intervals(report)}; those of the "
                        "coefficients beside it with 2,000 resamples, of single pairs of assessors "
                        "with 1,000, fewer where there are very many pairs."
                    ),
                    "figures": _inline(figures.get("agreement", [])),
                    "tables": [
                        _table(report, "agreement", title="Agreement by category", is_open=True),
                        _table(report, "assessor_pairs", title="Agreement by assessor pair"),
                    ],
                },
                {
                    "title": "Agreement between methods",
                    "text": (
                        "Common result ratio (CR): results that two methods share among their "
                        f"first n, divided by n; mean over {counts['n_queries']:,} queries."
                    ),
                    "figures": _inline(figures.get("models", [])),
                    "tables": [_table(report, "model_agreement", title="Common result ratios")],
                },
                {
                    "title": "Agreement between people and methods",
                    "text": (
                        "Precision (P@N): relevant results among the first N, divided by N; mean "
                        f"over {counts['n_queries_judged']:,} judged queries. Relevant: mean level "
                        f"rounded half up at least {report.data.relevant_from}. Results that "
                        "nobody judged are not relevant; judged: the share of results that were. "
                        "nDCG at N and, over whole lists, average precision (AP), bpref and "
                        "rank-biased precision (RBP) beside it."
                    ),
                    "figures": _inline(figures.get("precision", [])),
                    "tables": [_table(report, "precision", title="Precision", is_open=True)],
                },
                {
                    "title": "Undefined numbers",
                    "text": "Each with its reason. An undefined number is never 0.",
                    "figures": [],
                    "tables": [_undefined(report)],
                },
            ],
        },
    )


def _method_of_intervals(report: Report) -> str:
    return f"95 %, queries resampled 10,000 times with seed {report.seed}"


def _facts(report: Report) -> list[tuple[str, str]]:
    study, counts = report.data.study, report.counts
    categories = ", ".join(
        f"{row['category']} ({row['n_queries']:,})" for row in counts["by_category"]
    )
    return [
        ("Protocol", f"{study.protocol}, levels {', '.join(map(str, report.data.levels))}"),
        ("Queries", categories),
        ("Methods", f"{', '.join(report.data.methods)}; pools of depth {study.depth}"),
        ("Judgments", f"{counts['n_judged']:,} of {counts['n_planned']:,} planned"),
        (
            "Ratings",
            f"{counts['n_ratings']:,} of {counts['n_items']:,} image pairs by "
            f"{counts['n_assessors']:,} assessors; {counts['n_unjudgeable']:,} could not be judged",
        ),
        (
            "Rated at least twice",
            f"{counts['n_items_multi']:,} image pairs, {counts['n_rating_pairs']:,} pairs of "
            "ratings",
        ),
        ("Written by", f"Likeness {VERSION}"),
    ]


def _inline(figures: Sequence[tuple[str, bytes]]) -> list[str]:
    """SVG to stand in the page; ids get the figure's name, so that no two are the same."""
    return [
        _ID.sub(lambda found, name=name: f"{found.group(1)}{name}-", svg.decode())  # type: ignore[misc]
        for name, svg in figures
    ]


def _cells(row: Mapping[str, Any], columns: Sequence[str]) -> list[dict[str, Any]]:
    return [{"text": _shown(row[name]), "number": name not in _TEXTS} for name in columns]


def _shown(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def _columns(names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"name": name, "number": name not in _TEXTS} for name in names]


def _table(report: Report, name: str, *, title: str, is_open: bool = False) -> dict[str, Any]:
    columns = COLUMNS[name]
    return {
        "title": title,
        "caption": f"The rows of {name}.csv.",
        "columns": _columns(columns),
        "rows": [_cells(row, columns) for row in report.tables[name]],
        "open": is_open,
    }


def _undefined(report: Report) -> dict[str, Any]:
    columns = ("family", "scope", "param", "reason")
    return {
        "title": "All undefined numbers",
        "caption": "Names as in values.csv.",
        "columns": _columns(columns),
        "rows": [_cells(row, columns) for row in report.undefined],
        "open": False,
    }
