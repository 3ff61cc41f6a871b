"""The report of a study: numbers in long form, the tables made of them, notices."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from apps.analytics import palette
from apps.analytics.compute.resampling import RESAMPLES, QueryBootstrap
from apps.analytics.selectors.data import read_study_data
from apps.analytics.selectors.notices import notices_of
from apps.analytics.selectors.report.base import COLUMNS, Report, Row, in_fixed_order, sorted_rows
from apps.analytics.selectors.report.methods import add_model_agreement, add_pool, add_precision
from apps.analytics.selectors.report.people import add_agreement, add_assessor_pairs, add_counts
from apps.studies.models import Study

__all__ = [
    "COLUMNS",
    "Report",
    "Row",
    "compute_report",
    "in_fixed_order",
    "report_json",
    "sorted_rows",
]


def compute_report(
    *,
    study: Study,
    as_of: int | None = None,
    labels: Mapping[int, str] | None = None,
    resamples: int = RESAMPLES,
) -> Report:
    """Compute every measure of a study from its rows.

    The intervals draw from the study's own seed: the same judgments give the same report.

    Args:
        study: which one.
        as_of: id of the newest judgment to count; None counts all.
        labels: what to call participants, by primary key; their pseudonyms when missing.
        resamples: of the bootstrap.
    """
    data = read_study_data(study=study, as_of=as_of, labels=labels)
    report = Report(data=data, seed=study.seed)
    bootstrap = QueryBootstrap(np.random.default_rng(study.seed), resamples=resamples)
    add_counts(report)
    add_agreement(report, bootstrap)
    add_assessor_pairs(report, bootstrap)
    add_model_agreement(report, bootstrap)
    judged_share = add_precision(report, bootstrap)
    add_pool(report)
    report.notices = notices_of(data=data, counts=report.counts, judged_share=judged_share)
    return report


def report_json(*, report: Report) -> dict[str, Any]:
    """The report as plain JSON, without figures; depends on nothing but the study's content."""
    study = report.data.study
    return {
        "study": {
            "name": study.name,
            "description": study.description,
            "protocol": study.protocol,
            "state": study.state,
            "is_simulated": study.is_simulated,
            "provenance": in_fixed_order(study.provenance),
            "scale": in_fixed_order(study.scale),
            "aggregations": study.aggregations,
            "relevance": study.relevance,
            "methods": study.methods,
            "depth": study.depth,
            "overlap": study.overlap,
            "seed": study.seed,
            "categories": [
                {
                    "name": row.name,
                    "groups": list(row.groups),
                    "n_queries": int((report.data.category == number).sum()),
                }
                for number, row in enumerate(report.data.categories)
            ],
        },
        "method": {
            "sd": "over queries, divisor n - 1",
            "interval": "95 %, bootstrap over queries",
            "resamples": RESAMPLES,
            "seed": report.seed,
            "consensus": "mean level rounded half up",
            "averaged": "all judged queries",
            "unjudged": "not relevant",
        },
        "palette": {
            "methods": palette.method_colours(report.data.methods),
            "levels": palette.level_colours(len(report.data.levels)),
        },
        "notices": report.notices,
        "counts": report.counts,
        **{name: report.tables[name] for name in COLUMNS if name != "values"},
        "pool": report.pool,
        "undefined": report.undefined,
    }
