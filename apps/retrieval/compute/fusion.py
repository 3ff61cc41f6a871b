"""Several rankings of one query made into one: by their ranks, or by their normalised scores.

Every kind of fusion is a function from the members' rankings to one value a document. What all
share: a document that a member does not list gets nothing from it; values are rounded to
`DECIMALS`, and equal ones go by ordinal; the order of the members does not matter.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.pooling import strictly_decreasing

Doubles = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int64]

RRF_K = 60  # Cormack et al. (2009) chose it in a pilot and never had to change it
DECIMALS = 12  # below are the traces of floating-point sums, which no tie may hang on


@dataclass(frozen=True)
class Ranked:
    """A ranking of one query: `ordinals` best first, each once, with scores that do not rise."""

    ordinals: Ordinals
    scores: Doubles


# (members, documents) of what each member gives each document; NaN where it does not list it.
Given = Doubles
Normalise = Callable[[Doubles], Doubles]
Kind = Callable[[Sequence[Ranked]], tuple[Ordinals, Doubles]]


def fused(*, members: Sequence[Ranked], kind: Kind, k: int) -> Ranked:
    """The best `k` documents of a fusion, with scores that stay distinct in a run file.

    Args:
        members: rankings of the same query, in any order; one may be empty.
        kind: one of `reciprocal_rank`, `comb_sum_z`, ...
        k: how many to return, at least 1; fewer are returned when the members list fewer.

    Returns:
        Empty when all members are. Scores are the fused values, lowered where they are equal
        (see `pooling.strictly_decreasing`).

    Raises:
        ValueError: `k` is below 1; a member names a document twice, has another number of
            scores than documents, or scores that rise or are not finite.
    """
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    for member in members:
        _check(member)
    ordinals, values = kind(members)
    values = values.round(DECIMALS)
    order = np.lexsort((ordinals, -values))[:k]
    return Ranked(ordinals[order], strictly_decreasing(scores=values[order]))


def reciprocal_rank(members: Sequence[Ranked]) -> tuple[Ordinals, Doubles]:
    """Reciprocal rank fusion: the sum over members of 1 / (60 + rank), rank from 1.

    Cormack, Clarke and Buettcher (2009), SIGIR, doi:10.1145/1571941.1572114, page 758.
    """
    ordinals, given = _given(members, lambda scores: 1 / (RRF_K + np.arange(1, len(scores) + 1)))
    return ordinals, _sum(given)


def comb_sum_z(members: Sequence[Ranked]) -> tuple[Ordinals, Doubles]:
    """CombSUM of `z_scores`. Fox and Shaw (1994), TREC-2, NIST SP 500-215, pages 243-252."""
    return _comb_sum(members, z_scores)


def comb_sum_minmax(members: Sequence[Ranked]) -> tuple[Ordinals, Doubles]:
    """CombSUM of `min_max`. Fox and Shaw (1994), TREC-2, NIST SP 500-215, pages 243-252."""
    return _comb_sum(members, min_max)


def comb_mnz_z(members: Sequence[Ranked]) -> tuple[Ordinals, Doubles]:
    """CombMNZ of `z_scores`: CombSUM times the number of members that list the document.

    Fox and Shaw (1994), TREC-2, NIST SP 500-215, pages 243-252.
    """
    return _comb_mnz(members, z_scores)


def comb_mnz_minmax(members: Sequence[Ranked]) -> tuple[Ordinals, Doubles]:
    """CombMNZ of `min_max`: CombSUM times the number of members that list the document.

    Fox and Shaw (1994), TREC-2, NIST SP 500-215, pages 243-252.
    """
    return _comb_mnz(members, min_max)


def min_max(scores: Doubles) -> Doubles:
    """(s - min) / (max - min) over the list: its best gets 1, its last 0, like one not listed.

    A list whose scores are all equal, such as one of a single document, gives each 1: to be
    listed must be worth more than not to be. Lee (1997), SIGIR, doi:10.1145/258525.258587.

    Args:
        scores: shape (n,), finite; n may be 0.
    """
    lowest = scores.min(initial=np.inf)
    spread = scores.max(initial=-np.inf) - lowest
    return (scores - lowest) / spread if spread > 0 else np.ones_like(scores)


def z_scores(scores: Doubles) -> Doubles:
    """The z-scores (s - mean) / SD of a list, shifted so that its last has 0: (s - min) / SD.

    The shift says what a document that is not listed is worth: as much as the last of the list.
    Without it the mean of the list would count as much as not to be listed, and CombMNZ would
    multiply negative numbers. SD has the divisor n - 1. A list whose scores are all equal gives
    each 1, as in `min_max`. Montague and Aslam (2001), CIKM, doi:10.1145/502585.502657, whose
    ZMUV it is but for the shift.

    Args:
        scores: shape (n,), finite; n may be 0.
    """
    spread = scores.std(ddof=1) if len(scores) > 1 and np.ptp(scores) > 0 else 0.0
    return (scores - scores.min()) / spread if spread > 0 else np.ones_like(scores)


def _comb_sum(members: Sequence[Ranked], normalise: Normalise) -> tuple[Ordinals, Doubles]:
    ordinals, given = _given(members, normalise)
    return ordinals, _sum(given)


def _comb_mnz(members: Sequence[Ranked], normalise: Normalise) -> tuple[Ordinals, Doubles]:
    ordinals, given = _given(members, normalise)
    return ordinals, _sum(given) * np.isfinite(given).sum(axis=0)


def _given(members: Sequence[Ranked], normalise: Normalise) -> tuple[Ordinals, Given]:
    """The documents that any member lists, by ordinal, and what each member gives them."""
    listed = [member.ordinals for member in members]
    ordinals = np.unique(np.concatenate([np.empty(0, np.int64), *listed]))
    given = np.full((len(members), len(ordinals)), np.nan)
    for row, member in zip(given, members, strict=True):
        row[np.searchsorted(ordinals, member.ordinals)] = normalise(member.scores)
    return ordinals, given


def _sum(given: Given) -> Doubles:
    """Over the members, the smallest first: so that their order cannot show in the last digit."""
    total: Doubles = np.nansum(np.sort(given, axis=0), axis=0)
    return total


def _check(member: Ranked) -> None:
    if len(member.ordinals) != len(member.scores):
        raise ValueError("a ranking must have a score per document")
    if len(np.unique(member.ordinals)) != len(member.ordinals):
        raise ValueError("a ranking must not name a document twice")
    if not np.isfinite(member.scores).all() or (np.diff(member.scores) > 0).any():
        raise ValueError("scores must be finite and must not rise")
