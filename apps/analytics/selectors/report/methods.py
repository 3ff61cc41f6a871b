"""Agreement between methods, and of methods with people: the paper's table 4; pools."""

from collections.abc import Sequence

import numpy as np

from apps.analytics import measures
from apps.analytics.compute.model_agreement import common_results, grid_within
from apps.analytics.compute.precision import CUTOFFS, NO_IMAGE, MeanEstimate
from apps.analytics.compute.ranked import graded_rankings
from apps.analytics.compute.resampling import QueryBootstrap
from apps.analytics.selectors.report.base import (
    Report,
    add_estimates,
    item_gains,
    judged_queries,
)


def add_model_agreement(report: Report, bootstrap: QueryBootstrap) -> None:
    data = report.data
    cutoffs = grid_within(data.rankings.shape[2])
    shared = common_results(data.rankings, cutoffs=cutoffs)
    searched = (data.rankings != NO_IMAGE).any(axis=(1, 2))
    pairs = sorted(shared, key=lambda pair: sorted(data.methods[at] for at in pair))
    stacked = np.stack([shared[pair] for pair in pairs]) if pairs else None
    for scope, queries in data.scopes():
        for measure in measures.of_table("model_agreement"):
            if stacked is None:
                continue
            computed = measure.compute(
                stacked, averaged=queries, cutoffs=cutoffs, bootstrap=bootstrap
            )
            for (a, b), estimates in zip(pairs, computed, strict=True):
                missing = sorted(data.methods[at] for at in (a, b) if not searched[at])
                if missing:
                    verb = "have" if len(missing) > 1 else "has"
                    reason = f"{' and '.join(missing)} {verb} no results yet"
                    estimates = [MeanEstimate(None, None, None, 0, reason=reason)] * len(cutoffs)
                first, second = sorted((data.methods[a], data.methods[b]))
                pair = f"{first}~{second}"
                add_estimates(report, measure.name, scope, pair, cutoffs, estimates)
                for n, estimate in zip(cutoffs, estimates, strict=True):
                    low, high = estimate.interval or (None, None)
                    report.tables["model_agreement"].append(
                        {
                            "category": scope,
                            "measure": measure.name,
                            "n": n,
                            "method_a": first,
                            "method_b": second,
                            "value": estimate.value,
                            "sd": estimate.sd,
                            "ci_low": low,
                            "ci_high": high,
                            "n_queries": estimate.n_queries,
                        }
                    )


def add_precision(report: Report, bootstrap: QueryBootstrap) -> float | None:
    """Fill the precision table; return the share of results that were judged, at the deepest N."""
    data = report.data
    n_images = int(max(data.rankings.max(initial=0), data.item_image.max(initial=0))) + 1
    items = data.ratings.query * n_images + data.item_image
    gains = item_gains(data)
    judged = judged_queries(data)
    shares = []
    for number, method in enumerate(data.methods):
        ranking = data.rankings[number]
        graded = graded_rankings(ranking, items=items, gains=gains, n_images=n_images)
        has_results = bool((ranking != NO_IMAGE).any())
        for scope, queries in data.scopes():
            for measure in measures.of_table("precision"):
                estimates: list[MeanEstimate] = measure.compute(
                    graded, averaged=queries & judged, cutoffs=CUTOFFS, bootstrap=bootstrap
                )
                if not has_results:
                    reason = f"{method} has no results yet"
                    estimates = [MeanEstimate(None, None, None, 0, reason=reason)] * len(estimates)
                _add_precision_rows(report, measure.name, scope, method, estimates)
        listed = ranking[judged] != NO_IMAGE
        hits = graded.hits(CUTOFFS)
        for column, n in enumerate(CUTOFFS):
            if results := int(listed[:, :n].sum()):
                shares.append(int(hits.judged[judged, column].sum()) / results)
    order = {scope: place for place, (scope, _) in enumerate(data.scopes())}
    report.tables["precision"].sort(key=lambda row: order[row["category"]])
    return min(shares, default=None)


def _add_precision_rows(
    report: Report, measure: str, scope: str, method: str, estimates: Sequence[MeanEstimate]
) -> None:
    cutoffs: Sequence[int | None] = CUTOFFS if len(estimates) == len(CUTOFFS) else (None,)
    add_estimates(report, measure, scope, method, cutoffs, estimates)
    for n, estimate in zip(cutoffs, estimates, strict=True):
        if measure == "P":
            report.add_value("judged", scope, f"{method}@{n}", estimate.judged, estimate.reason)
        low, high = estimate.interval or (None, None)
        report.tables["precision"].append(
            {
                "category": scope,
                "method": method,
                "measure": measure if n is None else f"{measure}@{n}",
                "value": estimate.value,
                "ci_low": low,
                "ci_high": high,
                "n_queries": estimate.n_queries,
                "judged": estimate.judged,
            }
        )


def add_pool(report: Report) -> None:
    data = report.data
    report.pool = {
        "depth": data.study.depth,
        "n_pairs": int(data.n_pairs.sum()),
        "by_category": [
            {
                "category": scope,
                "n_queries": int(queries.sum()),
                "n_pairs": int(data.n_pairs[queries].sum()),
            }
            for scope, queries in data.scopes()
        ],
        "by_method": [
            {
                "category": scope,
                "method": method,
                "n_found": int(data.found[queries, number].sum()),
                "n_unique": int(data.unique[queries, number].sum()),
            }
            for scope, queries in data.scopes()
            for number, method in enumerate(data.methods)
        ],
    }
