"""Agreement between methods: how much of their results they have in common."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import numpy.typing as npt

from apps.analytics.compute.precision import NO_IMAGE, MeanEstimate
from apps.analytics.compute.resampling import QueryBootstrap, sample_sd

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

_QUERIES = 16  # worked on at once, which bounds memory
GRID = (1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500)


def grid_within(depth: int) -> tuple[int, ...]:
    """The cut-offs of a report: those of `GRID` that the deepest ranking reaches."""
    return tuple(n for n in GRID if n <= depth)


def common_results(rankings: Ints, *, cutoffs: Sequence[int]) -> dict[tuple[int, int], Ints]:
    """Count the results that two methods share among their first n, for every n in one pass.

    An image that method a ranks i-th and method b j-th is shared from n = max(i, j) on.

    Args:
        rankings: (methods, queries, depth) image indices, best first, filled up with
            `NO_IMAGE`; an image at most once in a ranking.
        cutoffs: the n, each at least 1; beyond the depth nothing is added.

    Returns:
        For each pair of methods (a, b), a < b: (queries, cutoffs).

    Raises:
        ValueError: a ranking names an image twice.
    """
    n_methods, n_queries, _ = rankings.shape
    shared = {
        pair: np.zeros((n_queries, len(cutoffs)), np.int64)
        for pair in combinations(range(n_methods), 2)
    }
    for start in range(0, n_queries, _QUERIES):
        block = slice(start, start + _QUERIES)
        for pair, counts in _common_results(rankings[:, block], cutoffs):
            shared[pair][block] = counts
    return shared


def _common_results(
    rankings: Ints, cutoffs: Sequence[int]
) -> Iterator[tuple[tuple[int, int], Ints]]:
    n_methods, n_queries, depth = rankings.shape
    filled = rankings != NO_IMAGE
    method, query, rank = np.nonzero(filled)
    n_images = int(rankings.max(initial=0)) + 1
    pairs, pair = np.unique(query * n_images + rankings[filled], return_inverse=True)
    # Ranks of every (query, image) pair under every method; `depth` stands for "not found".
    ranks = np.full((n_methods, len(pairs)), depth, np.int32)
    ranks[method, pair] = rank
    if (ranks < depth).sum() != len(pair):
        raise ValueError("an image occurs twice in one ranking")
    query_of = pairs // n_images
    columns = [min(n, depth) for n in cutoffs]
    for a, b in combinations(range(n_methods), 2):
        later = np.maximum(ranks[a], ranks[b])
        both = later < depth
        # Column n of the sums counts ranks below n; column 0 is empty.
        cells = np.bincount(
            query_of[both] * (depth + 1) + later[both] + 1, minlength=n_queries * (depth + 1)
        )
        yield (a, b), np.cumsum(cells.reshape(n_queries, depth + 1), axis=1)[:, columns]


def common_result_ratio(
    shared: Ints, *, averaged: Bools, cutoffs: tuple[int, ...], bootstrap: QueryBootstrap
) -> list[list[MeanEstimate]]:
    """CR_n = |first n of a and first n of b| / n, the mean over queries.

    Equation (2) of papers 1; metrics.md 4. n stays the divisor for short lists, a missing
    list is empty, and no judgment is needed.

    Args:
        shared: (pairs, queries, cutoffs) as `common_results` counts them for pairs of methods.
        averaged: (queries,) the scope's queries.
        cutoffs: the n.
        bootstrap: how queries are resampled.

    Returns:
        For each pair of methods one estimate per cut-off, undefined without a query.
    """
    n_pairs = len(shared)
    n_queries = int(averaged.sum())
    if not n_queries:
        return [[MeanEstimate(None, None, None, 0, reason="no query")] * len(cutoffs)] * n_pairs
    by_query = shared[:, averaged].transpose(1, 0, 2).reshape(n_queries, n_pairs * len(cutoffs))
    places = np.tile(cutoffs, n_pairs)
    intervals = bootstrap.of_ratios(
        by_query.astype(np.float64), np.broadcast_to(places, by_query.shape).astype(np.float64)
    )
    estimates = [
        MeanEstimate(
            value=int(by_query[:, column].sum()) / (int(n) * n_queries),
            sd=sample_sd(by_query[:, column] / n),
            interval=intervals[column],
            n_queries=n_queries,
        )
        for column, n in enumerate(places)
    ]
    size = len(cutoffs)
    return [estimates[start : start + size] for start in range(0, len(estimates), size)]
