"""Chance-corrected agreement of all assessors of a scope, with intervals over queries."""

from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt

from apps.analytics.compute import coefficients
from apps.analytics.compute.agreement import (
    AgreementEstimate,
    Cut,
    PairCounts,
    Ratings,
    pairs_by_item,
)
from apps.analytics.compute.coefficients import Metric, Weights
from apps.analytics.compute.resampling import QueryBootstrap

Floats = npt.NDArray[np.float64]
RESAMPLES = 2_000
NOT_TWICE = "no pair has been judged by two assessors"
ONE_LEVEL = "all ratings that can be compared are of one class"


def by_classes(tally: npt.NDArray[np.int64], *, cut: Cut) -> Floats:
    """A tally (items, levels) by the classes of a cut: (items, classes)."""
    member = np.equal.outer(np.asarray(cut.classes), np.arange(max(cut.classes) + 1))
    return np.asarray(tally @ member.astype(np.float64))


def _estimate(
    ratings: Ratings,
    *,
    cut: Cut,
    bootstrap: QueryBootstrap,
    items: npt.NDArray[np.bool_],
    features: Callable[[Floats], Floats],
    statistic: Callable[[Floats], Floats],
    without_items: str,
) -> AgreementEstimate:
    """A statistic of feature sums over items, with an interval over queries.

    Args:
        ratings: one scope's.
        cut: classes that count as one.
        bootstrap: how queries are resampled.
        items: (items,) those that take part.
        features: tally by classes (items, classes) -> (items, features), which are added up.
        statistic: (..., features) -> (...), NaN where undefined.
        without_items: why it is undefined when no item takes part.
    """
    tally = ratings.tally()
    agree, disagree = pairs_by_item(tally[items], cut=cut)
    counts = PairCounts(int(agree.sum()), int(disagree.sum()))
    n_items = int(items.sum())
    if not n_items:
        reason = without_items if ratings.n_items else "nothing judged"
        return AgreementEstimate(None, None, None, None, None, counts, 0, 0, reason)
    rows = features(by_classes(tally[items], cut=cut))
    keys, query = np.unique(ratings.query[items], return_inverse=True)
    by_query = np.zeros((len(keys), rows.shape[1]))
    np.add.at(by_query, query, rows)
    value = float(statistic(by_query.sum(axis=0)))
    if np.isnan(value):
        return AgreementEstimate(
            None, None, None, None, None, counts, n_items, len(keys), ONE_LEVEL
        )
    interval = None
    if len(keys) >= 2:
        weights = bootstrap.weights_by_value(by_query, resamples=RESAMPLES).astype(np.float64)
        low, high = bootstrap.percentiles(statistic(weights @ by_query)[:, None])[0].tolist()
        interval = None if np.isnan(low) else (low, high)
    return AgreementEstimate(value, None, None, None, interval, counts, n_items, len(keys))


def krippendorff_alpha(
    ratings: Ratings, *, cut: Cut, bootstrap: QueryBootstrap, metric: Metric
) -> AgreementEstimate:
    """Krippendorff's alpha of all items with at least two ratings (metrics.md 2.2)."""

    def of_sums(sums: Floats) -> Floats:
        n = max(cut.classes) + 1
        return coefficients.krippendorff_alpha(sums.reshape(*sums.shape[:-1], n, n), metric=metric)

    return _estimate(
        ratings,
        cut=cut,
        bootstrap=bootstrap,
        items=ratings.tally().sum(axis=1) >= 2,
        features=lambda tally: coefficients.coincidences(tally).reshape(len(tally), -1),
        statistic=of_sums,
        without_items=NOT_TWICE,
    )


def _shares(tally: Floats, *, weights: Weights) -> Floats:
    """Per item: 1, agreement of its pairs, share of every class."""
    agreement = coefficients.agreement_of_items(tally, weights=weights)
    share = tally / tally.sum(axis=1, keepdims=True)
    return np.column_stack([np.ones(len(tally)), agreement, share])


def fleiss_kappa(
    ratings: Ratings, *, cut: Cut, bootstrap: QueryBootstrap, complete: bool
) -> AgreementEstimate:
    """Fleiss' kappa (metrics.md 2.4).

    Args:
        ratings: one category's.
        cut: classes that count as one.
        bootstrap: how queries are resampled.
        complete: only items that every assessor of the scope rated, the classic form; otherwise
            all items with at least two ratings, each with the same weight.
    """
    raters = len(np.unique(ratings.rater))
    per_item = ratings.tally().sum(axis=1)
    return _estimate(
        ratings,
        cut=cut,
        bootstrap=bootstrap,
        items=(per_item == raters) & (per_item >= 2) if complete else per_item >= 2,
        features=partial(_shares, weights="unweighted"),
        statistic=lambda sums: coefficients.fleiss_kappa(sums[..., 1], sums[..., 2:], sums[..., 0]),
        without_items="no pair has been judged by every assessor" if complete else NOT_TWICE,
    )


def gwet(
    ratings: Ratings, *, cut: Cut, bootstrap: QueryBootstrap, weights: Weights
) -> AgreementEstimate:
    """Gwet's AC1 or AC2 of all items with at least two ratings (metrics.md 2.5)."""
    return _estimate(
        ratings,
        cut=cut,
        bootstrap=bootstrap,
        items=ratings.tally().sum(axis=1) >= 2,
        features=partial(_shares, weights=weights),
        statistic=lambda sums: coefficients.gwet(
            sums[..., 1], sums[..., 2:], sums[..., 0], weights=weights
        ),
        without_items=NOT_TWICE,
    )
