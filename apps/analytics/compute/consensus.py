"""The level that an item's assessors agree on, by rounding their mean in whole numbers."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def consensus_levels(tally: Ints, *, levels: Ints) -> Ints:
    """Mean level of each item, rounded half up in whole numbers: floor((2 sum + n) / (2 n)).

    Papers 1: "rounding the average rating scores"; half up by metrics.md 3, so that a mean of
    2.5 becomes 3 (Python and NumPy would round to the even 2).

    Args:
        tally: (items, levels) number of assessors who gave the level; at least one each.
        levels: (levels,) the scale's levels, in rising order.

    Returns:
        (items,) levels. On a scale with gaps the mean may round to a level between two.

    Raises:
        ValueError: an item has no rating.
    """
    n, total = _counts_and_sums(tally, levels)
    return np.asarray((2 * total + n) // (2 * n), np.int64)


def consensus_levels_half_even(tally: Ints, *, levels: Ints) -> Ints:
    """As `consensus_levels`, means that end in .5 go to the even level (for comparison)."""
    n, total = _counts_and_sums(tally, levels)
    up = (2 * total + n) // (2 * n)
    return np.asarray(up - (is_half(tally, levels=levels) & (up % 2 == 1)), np.int64)


def is_half(tally: Ints, *, levels: Ints) -> Bools:
    """Whether an item's mean level ends in .5: (items,)."""
    n, total = _counts_and_sums(tally, levels)
    return np.asarray(2 * total % (2 * n) == n)


def _counts_and_sums(tally: Ints, levels: Ints) -> tuple[Ints, Ints]:
    n = tally.sum(axis=1)
    if (n < 1).any():
        raise ValueError("an item has no rating")
    return n, tally @ levels


@dataclass(frozen=True)
class ConsensusSummary:
    """Consensus in one scope, and how far it hangs on the rounding rule (metrics.md 3).

    Attributes:
        histogram, histogram_half_even: (levels,) items per level under either rule.
        n_relevant: items whose consensus is relevant.
        n_half: items whose mean ends in .5.
        n_rule_differs: items whose level would change under half-even.
        n_relevance_differs: items whose relevance would.
    """

    histogram: list[int]
    histogram_half_even: list[int]
    n_relevant: int
    n_half: int
    n_rule_differs: int
    n_relevance_differs: int


def summarise_consensus(tally: Ints, *, levels: Ints, relevant_from: int) -> ConsensusSummary:
    """Count consensus levels under both rounding rules.

    Args:
        tally: (items, levels) number of assessors who gave the level; at least one each.
        levels: (levels,) the scale's levels, in rising order.
        relevant_from: lowest level that counts as relevant.
    """
    up = consensus_levels(tally, levels=levels)
    even = consensus_levels_half_even(tally, levels=levels)
    return ConsensusSummary(
        histogram=[int((up == level).sum()) for level in levels],
        histogram_half_even=[int((even == level).sum()) for level in levels],
        n_relevant=int((up >= relevant_from).sum()),
        n_half=int(is_half(tally, levels=levels).sum()),
        n_rule_differs=int((up != even).sum()),
        n_relevance_differs=int(((up >= relevant_from) != (even >= relevant_from)).sum()),
    )
