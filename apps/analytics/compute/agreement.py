"""Agreement between assessors. Arrays in, numbers out: no Django, no database, no clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from apps.analytics.compute.resampling import QueryBootstrap, sample_sd

Ints = npt.NDArray[np.int64]
EXACT = "exact"  # the cut that does not cut: every level is a class of its own
FEWEST_LEVELS, MOST_LEVELS = 2, 11


@dataclass(frozen=True)
class Cut:
    """A division of a scale's levels into classes; two ratings agree when their classes do.

    Attributes:
        name: as in reports: `12-345`, or `exact`.
        classes: for each level of the scale, from the lowest, the number of its class.
    """

    name: str
    classes: tuple[int, ...]

    @property
    def similar_from(self) -> int | None:
        """Position in the scale of the lowest level of the upper class; None for `exact`."""
        return None if self.name == EXACT else self.classes.index(1)


def cut_names(*, levels: Sequence[int]) -> list[str]:
    """All cuts of a scale in two, from the lowest boundary up: `1-2345`, `12-345`, ...

    Raises:
        ValueError: `levels` are not 2 to 11 whole numbers in rising order.
    """
    _check_levels(levels)
    words = [str(level) for level in levels]
    return [f"{''.join(words[:at])}-{''.join(words[at:])}" for at in range(1, len(words))]


def parse_cut(name: str, *, levels: Sequence[int]) -> Cut:
    """Read a cut such as `12-345` against the scale it divides.

    Args:
        name: one of `cut_names(levels=levels)`, or `exact`.
        levels: the scale's levels in rising order, 2 to 11 of them.

    Raises:
        ValueError: the name is not a cut of this scale; the message lists those that are.
    """
    names = cut_names(levels=levels)
    if name == EXACT:
        return Cut(EXACT, tuple(range(len(levels))))
    if name not in names:
        raise ValueError(
            f"{name!r} does not cut the scale {'..'.join([str(levels[0]), str(levels[-1])])} "
            f"in two; its cuts are {', '.join(names)}"
        )
    at = names.index(name) + 1
    return Cut(name, (0,) * at + (1,) * (len(levels) - at))


def _check_levels(levels: Sequence[int]) -> None:
    if not FEWEST_LEVELS <= len(levels) <= MOST_LEVELS:
        raise ValueError(f"a scale has {FEWEST_LEVELS} to {MOST_LEVELS} levels, got {len(levels)}")
    if any(b <= a for a, b in pairwise(levels)):
        raise ValueError(f"levels must rise, got {list(levels)}")


@dataclass(frozen=True)
class Ratings:
    """Who gave which level to which item; an absent row is a missing rating.

    Attributes:
        item: (ratings,) index of the (query, image) pair, 0..n_items-1.
        rater: (ratings,) index of the assessor, 0..n_raters-1.
        level: (ratings,) position of the level in the scale, 0 for the lowest.
        query: (items,) index of each item's query, 0..n_queries-1.
    """

    item: Ints
    rater: Ints
    level: Ints
    query: Ints
    n_raters: int
    n_queries: int
    n_levels: int

    @property
    def n_items(self) -> int:
        return len(self.query)

    def of_queries(self, wanted: npt.NDArray[np.bool_]) -> "Ratings":
        """The ratings of some queries only; indices of queries and raters stay.

        Args:
            wanted: (n_queries,) whether to keep the query.
        """
        kept_items = wanted[self.query] if self.n_items else np.zeros(0, bool)
        number = np.cumsum(kept_items) - 1
        rows = kept_items[self.item] if len(self.item) else np.zeros(0, bool)
        return Ratings(
            item=number[self.item[rows]],
            rater=self.rater[rows],
            level=self.level[rows],
            query=self.query[kept_items],
            n_raters=self.n_raters,
            n_queries=self.n_queries,
            n_levels=self.n_levels,
        )

    def tally(self) -> Ints:
        """How many assessors gave each level: shape (items, levels)."""
        cells = np.bincount(
            self.item * self.n_levels + self.level, minlength=self.n_items * self.n_levels
        )
        return cells.reshape(self.n_items, self.n_levels)


@dataclass(frozen=True)
class PairCounts:
    """How many pairs of ratings agree (A) and disagree (D), summed over items."""

    agreements: int
    disagreements: int

    @property
    def accuracy(self) -> float | None:
        """A / (A + D) in [0, 1], or None when no item was judged twice."""
        total = self.agreements + self.disagreements
        return self.agreements / total if total else None


def pairs_by_item(tally: Ints, *, cut: Cut) -> tuple[Ints, Ints]:
    """Agreeing and disagreeing pairs of ratings of each item, every unordered pair once.

    Args:
        tally: (items, levels) number of assessors who gave the level.
        cut: the classes in which two ratings agree.

    Returns:
        Two arrays of shape (items,); both 0 for an item with fewer than two ratings.

    Raises:
        ValueError: `tally` is not 2-D, is negative, or has not as many levels as the cut.
    """
    if tally.ndim != 2:
        raise ValueError(f"tally must be 2-D (items, levels), got {tally.ndim}-D")
    if tally.shape[1] != len(cut.classes):
        raise ValueError(f"the cut has {len(cut.classes)} levels, the tally {tally.shape[1]}")
    if (tally < 0).any():
        raise ValueError("a tally cannot be negative")
    by_class = np.stack(
        [
            tally[:, np.asarray(cut.classes) == number].sum(axis=1)
            for number in range(max(cut.classes) + 1)
        ],
        axis=1,
    )
    ratings = by_class.sum(axis=1)
    agree = (by_class * (by_class - 1) // 2).sum(axis=1)
    return agree, ratings * (ratings - 1) // 2 - agree


def count_rating_pairs(tally: Ints, *, cut: Cut) -> PairCounts:
    """Count agreeing and disagreeing rating pairs of all items.

    Counting before dividing makes the accuracy a micro-average: an item weighs as many
    pairs as it has. With equally many raters per item it equals the mean observed
    agreement of Fleiss (1971), Psychological Bulletin 76(5), doi:10.1037/h0031619.

    Args:
        tally: (items, levels) number of assessors who gave the level; see `pairs_by_item`.
        cut: the classes in which two ratings agree.
    """
    agree, disagree = pairs_by_item(tally, cut=cut)
    return PairCounts(int(agree.sum()), int(disagree.sum()))


@dataclass(frozen=True)
class AgreementEstimate:
    """A measure of agreement in one scope; None is undefined, `reason` says why.

    `sd` and the interval are over queries with at least one pair (sample SD, divisor n - 1;
    `sd_population` has n), `n_items` counts items with at least two ratings.
    """

    value: float | None
    sd: float | None
    sd_population: float | None
    mean_over_queries: float | None
    interval: tuple[float, float] | None
    pairs: PairCounts
    n_items: int
    n_queries: int
    reason: str = ""


def micro_average_accuracy(
    ratings: Ratings, *, cut: Cut, bootstrap: QueryBootstrap
) -> AgreementEstimate:
    """MAA = A / (A + D) over every pair of ratings of every item (metrics.md 2.1).

    The interval resamples queries, because the pairs of one query depend on each other.

    Args:
        ratings: the scope's ratings.
        cut: a cut of the scale, or `exact`.
        bootstrap: how queries are resampled.
    """
    tally = ratings.tally()
    agree, disagree = pairs_by_item(tally, cut=cut)
    agree_of = np.bincount(ratings.query, weights=agree, minlength=ratings.n_queries)
    pairs_of = np.bincount(ratings.query, weights=agree + disagree, minlength=ratings.n_queries)
    paired = pairs_of > 0
    agree_of, pairs_of = agree_of[paired], pairs_of[paired]
    counts = PairCounts(int(agree.sum()), int(disagree.sum()))
    n_multi = int((tally.sum(axis=1) >= 2).sum())
    if not len(pairs_of):
        reason = "no pair has been judged by two assessors" if ratings.n_items else "nothing judged"
        return AgreementEstimate(None, None, None, None, None, counts, n_multi, 0, reason)
    by_query = agree_of / pairs_of
    return AgreementEstimate(
        value=counts.accuracy,
        sd=sample_sd(by_query),
        sd_population=float(by_query.std()),
        mean_over_queries=float(by_query.mean()),
        interval=bootstrap.of_ratios(
            agree_of[:, None].astype(np.float64), pairs_of[:, None].astype(np.float64)
        )[0],
        pairs=counts,
        n_items=n_multi,
        n_queries=len(by_query),
    )
