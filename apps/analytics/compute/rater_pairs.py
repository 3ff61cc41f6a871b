"""Every two assessors against each other: what one called the items that the other called so."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.analytics.compute.agreement import Cut, Ratings
from apps.analytics.compute.resampling import QueryBootstrap

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Statistic = Callable[[Floats], Floats]  # (..., classes, classes) -> (...), NaN: undefined

RESAMPLES = 1_000
FEWEST_RESAMPLES = 200
PAIRS_TIMES_RESAMPLES = 200_000  # many pairs take fewer resamples each: bounds the time
_CELLS_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class RaterPairs:
    """How often the two assessors of a pair gave which two levels.

    Attributes:
        first, second: (pairs,) indices of the assessors, of all who judged in the scope.
        n_items: (pairs,) items that both judged.
        shared: (shared pairs,) places in `first` of the pairs with a common item.
        confusion: (queries, shared pairs, levels, levels) number of items; the row is the first
            assessor's level. Only queries with a common item of any pair.
    """

    first: Ints
    second: Ints
    n_items: Ints
    shared: Ints
    confusion: npt.NDArray[np.float32]

    def under(self, cut: Cut) -> npt.NDArray[np.float32]:
        """`confusion` by the classes of a cut instead of levels."""
        member = np.equal.outer(np.asarray(cut.classes), np.arange(max(cut.classes) + 1))
        return np.asarray(member.T.astype(np.float32) @ self.confusion @ member.astype(np.float32))


def pairs_of_raters(ratings: Ratings) -> RaterPairs:
    """Confusion matrices of every two assessors who judged anything, query by query.

    Args:
        ratings: one scope's.
    """
    present = np.unique(ratings.rater)
    n = len(present)
    first, second = np.triu_indices(n, k=1)
    place = np.zeros((n, n), np.int64)
    place[first, second] = np.arange(len(first))
    rater = np.searchsorted(present, ratings.rater)
    order = np.lexsort((rater, ratings.item))
    item, rater, level = ratings.item[order], rater[order], ratings.level[order]
    n_levels = ratings.n_levels
    queries, pairs, cells = [], [], []
    for step in range(1, n):
        same = np.flatnonzero(item[step:] == item[:-step])
        if not len(same):
            break
        other = same + step
        queries.append(ratings.query[item[same]])
        pairs.append(place[rater[same], rater[other]])
        cells.append(level[same] * n_levels + level[other])
    none = [np.zeros(0, np.int64)]
    query_keys, query = np.unique(np.concatenate(queries or none), return_inverse=True)
    shared, pair = np.unique(np.concatenate(pairs or none), return_inverse=True)
    cell = (query * len(shared) + pair) * n_levels**2 + np.concatenate(cells or none)
    shape = (len(query_keys), len(shared), n_levels, n_levels)
    n_items = np.zeros(len(first), np.int64)
    n_items[shared] = np.bincount(pair, minlength=len(shared))
    return RaterPairs(
        first=present[first],
        second=present[second],
        n_items=n_items,
        shared=shared,
        confusion=np.bincount(cell, minlength=int(np.prod(shape)))
        .reshape(shape)
        .astype(np.float32),
    )


@dataclass(frozen=True)
class PairEstimates:
    """A measure of every pair of assessors, NaN where it is undefined, and of their mean.

    Attributes:
        values: (pairs,).
        intervals: (pairs, 2).
        mean: over the pairs that have a value; NaN without one.
        mean_interval: (2,).
        n_defined: pairs that have a value.
    """

    values: Floats
    intervals: Floats
    mean: float
    mean_interval: Floats
    n_defined: int


def estimates_of_pairs(
    pairs: RaterPairs, *, cut: Cut, statistic: Statistic, bootstrap: QueryBootstrap
) -> PairEstimates:
    """A measure of confusion matrices for each pair, with intervals over queries.

    Args:
        pairs: of one scope.
        cut: classes that count as one.
        statistic: the measure, of a stack of matrices.
        bootstrap: how queries are resampled.
    """
    confusion = pairs.under(cut)
    n_queries, n_shared = confusion.shape[:2]
    values = np.full(len(pairs.first), np.nan)
    intervals = np.full((len(pairs.first), 2), np.nan)
    values[pairs.shared] = statistic(confusion.sum(axis=0).astype(np.float64))
    defined = int(np.isfinite(values).sum())
    mean = float(np.nanmean(values)) if defined else float("nan")
    mean_interval = np.full(2, np.nan)
    if n_queries >= 2 and defined:
        resamples = max(FEWEST_RESAMPLES, min(RESAMPLES, PAIRS_TIMES_RESAMPLES // n_shared))
        flat = confusion.reshape(n_queries, n_shared, -1)
        by_query = flat.reshape(n_queries, -1)
        weights = bootstrap.weights_by_value(by_query, resamples=resamples).astype(np.float32)
        size = max(1, _CELLS_AT_ONCE // (len(weights) * flat.shape[2]))
        total, number = np.zeros(len(weights)), np.zeros(len(weights))
        for start in range(0, n_shared, size):
            block = flat[:, start : start + size].reshape(n_queries, -1)
            drawn = (weights @ block).reshape(len(weights), -1, *confusion.shape[2:])
            found = statistic(drawn.astype(np.float64))
            intervals[pairs.shared[start : start + size]] = bootstrap.percentiles(found)
            total += np.nansum(found, axis=1)
            number += np.isfinite(found).sum(axis=1)
        means = np.where(number > 0, total / np.maximum(number, 1), np.nan)
        mean_interval = bootstrap.percentiles(means[:, None])[0]
        intervals[np.isnan(values)] = np.nan
    return PairEstimates(values, intervals, mean, mean_interval, defined)


def accuracy(confusion: Floats) -> Floats:
    """Share of the items on which the two agree: (..., classes, classes) -> (...)."""
    n = confusion.sum(axis=(-2, -1))
    same = np.trace(confusion, axis1=-2, axis2=-1)
    with np.errstate(invalid="ignore"):
        return np.where(n > 0, same / np.maximum(n, 1), np.nan)
