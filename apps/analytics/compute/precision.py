"""Agreement between people and methods: precision at N."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.analytics.compute.resampling import Interval, QueryBootstrap, sample_sd

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

CUTOFFS = (5, 10, 20, 50)
NO_IMAGE = -1  # fills a ranking that is shorter than the longest


def ranking_order(scores: npt.NDArray[np.float64], image_ids: list[str]) -> Ints:
    """Positions of a run's lines, best first: score descending, ties by id descending.

    The order of trec_eval, whatever the rank column says (metrics.md, section 0).

    Args:
        scores: (n,) finite.
        image_ids: as many, without repetition.

    Raises:
        ValueError: an id occurs twice, a score is not finite, or the lengths differ.
    """
    if len(scores) != len(image_ids):
        raise ValueError(f"{len(scores)} scores for {len(image_ids)} images")
    if len(set(image_ids)) != len(image_ids):
        raise ValueError("an image occurs twice in one ranking")
    if not np.isfinite(scores).all():
        raise ValueError("a score is not a finite number")
    rows = sorted(range(len(image_ids)), key=lambda row: image_ids[row], reverse=True)
    rows.sort(key=lambda row: -scores[row])  # stable: equal scores keep the order of ids
    return np.asarray(rows, np.int64)


@dataclass(frozen=True)
class Hits:
    """What one method's rankings hold at the cut-offs.

    Attributes:
        relevant: (queries, cutoffs) relevant images among the first N.
        judged: (queries, cutoffs) judged images among the first N.
    """

    relevant: Ints
    judged: Ints


@dataclass(frozen=True)
class MeanEstimate:
    """A mean over queries; None is undefined, `reason` says why. `sd` has divisor n - 1."""

    value: float | None
    sd: float | None
    interval: Interval | None
    n_queries: int
    judged: float | None = None
    reason: str = ""


def precision(
    hits: Hits, *, averaged: Bools, cutoffs: tuple[int, ...], bootstrap: QueryBootstrap
) -> list[MeanEstimate]:
    """P@N: relevant images among the first N, divided by N also for shorter lists.

    The mean over judged queries, which equals hits / (N * queries): the micro-average of
    table 4 of papers 1 (metrics.md 5.1). A query that the run lacks counts as 0.

    Args:
        hits: as `GradedRankings.hits` counts them.
        averaged: (queries,) the scope's queries with at least one judged image.
        cutoffs: the N.
        bootstrap: how queries are resampled.

    Returns:
        One estimate per cut-off; `judged` is the share of the first N that was judged, of
        N places. Undefined without a judged query.
    """
    n = int(averaged.sum())
    if not n:
        return [MeanEstimate(None, None, None, 0, reason="no query is judged")] * len(cutoffs)
    good, seen = hits.relevant[averaged], hits.judged[averaged]
    places = np.asarray(cutoffs)
    intervals = bootstrap.of_ratios(
        good.astype(np.float64), np.broadcast_to(places, good.shape).astype(np.float64)
    )
    return [
        MeanEstimate(
            value=int(good[:, column].sum()) / (size * n),
            sd=sample_sd(good[:, column] / size),
            interval=intervals[column],
            n_queries=n,
            judged=int(seen[:, column].sum()) / (size * n),
        )
        for column, size in enumerate(cutoffs)
    ]
