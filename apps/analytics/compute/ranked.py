"""Measures of ranked lists with graded judgments, all queries of a method at once.

Values per query are fractions in 0..1; their mean is over judged queries, of which one without a
relevant image, or one that the run lacks, counts as 0 (metrics.md 0).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.analytics.compute.precision import NO_IMAGE, Hits, MeanEstimate, precision
from apps.analytics.compute.resampling import QueryBootstrap, sample_sd

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

UNJUDGED = -1
PERSISTENCE = 0.8  # of RBP: how likely a reader is to go on to the next result


@dataclass(frozen=True)
class GradedRankings:
    """What people say of one method's results.

    Attributes:
        gains: (queries, depth) 0 for a result that is not relevant, from 1 up with its grade,
            `UNJUDGED` for one that nobody judged, `NO_IMAGE` - 1 behind the end of a list.
        judged: (queries, grades) number of judged images of the query by gain, found or not.
    """

    gains: Ints
    judged: Ints

    @property
    def n_relevant(self) -> Ints:
        return np.asarray(self.judged[:, 1:].sum(axis=1))

    def hits(self, cutoffs: tuple[int, ...]) -> Hits:
        """Relevant and judged results among the first N: see `Hits`."""
        return Hits(
            relevant=_upto(self.gains >= 1, cutoffs), judged=_upto(self.gains >= 0, cutoffs)
        )


NOTHING = NO_IMAGE - 1


def _upto(flags: Bools, cutoffs: tuple[int, ...]) -> Ints:
    depth = flags.shape[1]
    counts = np.cumsum(flags, axis=1, dtype=np.int64)
    counts = np.concatenate([np.zeros((len(flags), 1), np.int64), counts], axis=1)
    return counts[:, [min(n, depth) for n in cutoffs]]


def graded_rankings(ranking: Ints, *, items: Ints, gains: Ints, n_images: int) -> GradedRankings:
    """Look up the gains of every result.

    Args:
        ranking: (queries, depth) image indices, best first, filled up with `NO_IMAGE`.
        items: (items,) judged pairs as `query * n_images + image`, rising.
        gains: (items,) 0 for a pair that is not relevant, else its grade from 1 up.
        n_images: number of image indices.

    Raises:
        ValueError: a ranking names an image twice.
    """
    n_queries = len(ranking)
    in_order = np.sort(ranking, axis=1)
    if ((in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] != NO_IMAGE)).any():
        raise ValueError("an image occurs twice in one ranking")
    found = np.where(ranking == NO_IMAGE, NOTHING, UNJUDGED)
    if len(items):
        keys = np.arange(n_queries)[:, None] * n_images + ranking
        place = np.minimum(np.searchsorted(items, keys), len(items) - 1)
        known = (items[place] == keys) & (ranking != NO_IMAGE)
        found[known] = gains[place[known]]
    highest = int(gains.max(initial=1))
    cells = np.bincount(
        items // max(n_images, 1) * (highest + 1) + gains, minlength=n_queries * (highest + 1)
    )
    return GradedRankings(gains=found, judged=cells.reshape(n_queries, highest + 1))


def ndcg(graded: GradedRankings, *, cutoffs: tuple[int, ...]) -> Floats:
    """Normalised discounted cumulative gain: (queries, cutoffs).

    Gain / log2(rank + 1), divided by the same of all judged images in their best order;
    Jarvelin and Kekalainen (2002), ACM TOIS 20(4), doi:10.1145/582415.582418; metrics.md 5.2.
    """
    deepest = max(cutoffs)
    discount = 1.0 / np.log2(np.arange(2, deepest + 2))
    gains = np.maximum(graded.gains[:, :deepest], 0)
    gains = np.pad(gains, ((0, 0), (0, deepest - gains.shape[1])))
    # The gain at each rank of the best order: how many images have at least gain g.
    at_least = np.cumsum(graded.judged[:, :0:-1], axis=1)  # (queries, grades): highest first
    best = (at_least[:, :, None] > np.arange(deepest)).sum(axis=1)
    columns = [n - 1 for n in cutoffs]
    dcg = np.cumsum(gains * discount, axis=1)[:, columns]
    ideal = np.cumsum(best * discount, axis=1)[:, columns]
    return np.asarray(np.where(ideal > 0, dcg / np.where(ideal > 0, ideal, 1.0), 0.0))


def average_precision(graded: GradedRankings) -> Floats:
    """Mean, over all relevant images, of the precision where each is found: (queries, 1)."""
    relevant = graded.gains >= 1
    ranks = np.arange(1, relevant.shape[1] + 1)
    total = (np.cumsum(relevant, axis=1) / ranks * relevant).sum(axis=1)
    return _per_relevant(total, graded)


def bpref(graded: GradedRankings) -> Floats:
    """Share of judged images that are in the right order: (queries, 1).

    Sum over found relevant images of 1 - min(n, R) / min(N, R), n judged images that are not
    relevant above it, of N in all, divided by R; Buckley and Voorhees (2004), SIGIR,
    doi:10.1145/1008992.1009000, as trec_eval computes it.
    """
    relevant = graded.gains >= 1
    above = np.cumsum(graded.gains == 0, axis=1)
    bound = np.minimum(graded.judged[:, 0], graded.n_relevant)[:, None]
    lost = np.where(above > 0, np.minimum(above, graded.n_relevant[:, None]), 0)
    share = 1.0 - lost / np.maximum(bound, 1)
    return _per_relevant((share * relevant).sum(axis=1), graded)


def rank_biased_precision(graded: GradedRankings) -> Floats:
    """(1 - p) sum of p^(rank - 1) over relevant results, p = 0.8: (queries, 1).

    Moffat and Zobel (2008), ACM TOIS 27(1), doi:10.1145/1416950.1416952.
    """
    relevant = graded.gains >= 1
    weight = (1.0 - PERSISTENCE) * PERSISTENCE ** np.arange(relevant.shape[1])
    return np.asarray((relevant @ weight)[:, None])


def _per_relevant(total: Floats, graded: GradedRankings) -> Floats:
    return np.asarray((total / np.maximum(graded.n_relevant, 1))[:, None])


def mean_over_queries(
    values: Floats, *, averaged: Bools, judged: Floats, bootstrap: QueryBootstrap
) -> list[MeanEstimate]:
    """Means of values per query with SD and interval.

    Args:
        values: (queries, measures).
        averaged: (queries,) the scope's judged queries.
        judged: (queries, measures) share of the results that were judged.
        bootstrap: how queries are resampled.

    Returns:
        One estimate per measure, undefined without a judged query.
    """
    n = int(averaged.sum())
    if not n:
        reason = "no query is judged"
        return [MeanEstimate(None, None, None, 0, reason=reason)] * values.shape[1]
    chosen = values[averaged]
    intervals = bootstrap.of_means(chosen)
    return [
        MeanEstimate(
            value=float(chosen[:, column].mean()),
            sd=sample_sd(chosen[:, column]),
            interval=intervals[column],
            n_queries=n,
            judged=float(judged[averaged, column].mean()),
        )
        for column in range(values.shape[1])
    ]


def precision_estimates(
    graded: GradedRankings, *, averaged: Bools, cutoffs: tuple[int, ...], bootstrap: QueryBootstrap
) -> list[MeanEstimate]:
    """`precision` at every cut-off."""
    hits = graded.hits(cutoffs)
    return precision(hits, averaged=averaged, cutoffs=cutoffs, bootstrap=bootstrap)


def ndcg_estimates(
    graded: GradedRankings, *, averaged: Bools, cutoffs: tuple[int, ...], bootstrap: QueryBootstrap
) -> list[MeanEstimate]:
    """`ndcg` at every cut-off."""
    judged = graded.hits(cutoffs).judged / np.asarray(cutoffs)
    values = ndcg(graded, cutoffs=cutoffs)
    return mean_over_queries(values, averaged=averaged, judged=judged, bootstrap=bootstrap)


def whole_list_estimates(
    graded: GradedRankings,
    *,
    averaged: Bools,
    cutoffs: tuple[int, ...],  # of a whole list there are none
    bootstrap: QueryBootstrap,
    measure: Callable[[GradedRankings], Floats],
) -> list[MeanEstimate]:
    """A measure of whole lists; `judged` is the share of all results, 0 for an empty list."""
    listed = (graded.gains != NOTHING).sum(axis=1)
    judged = (graded.gains >= 0).sum(axis=1) / np.maximum(listed, 1)
    return mean_over_queries(
        measure(graded), averaged=averaged, judged=judged[:, None], bootstrap=bootstrap
    )
