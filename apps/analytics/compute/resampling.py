"""Intervals by resampling queries. Randomness comes in as a generator, never from here."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Interval = tuple[float, float]

RESAMPLES = 10_000
FEWEST_DEFINED = 0.95  # of the resamples: an interval of fewer would be one of other data
_ROWS = 1_000  # resamples worked on at once
_COLUMNS = 32  # measures worked on at once


def sample_sd(values: Floats) -> float | None:
    """Sample standard deviation (divisor n - 1); None for fewer than two values."""
    return float(np.std(values, ddof=1)) if len(values) >= 2 else None


class QueryBootstrap:
    """Cluster bootstrap: draw whole queries with replacement, 2.5 and 97.5 percentiles.

    Efron and Tibshirani (1993), An Introduction to the Bootstrap, chapters 8 and 13. The
    queries of each measure are put in the order of their own values before they are drawn,
    so that an interval depends on the values alone, not on the names or order of queries.
    Draws for n queries are made once, kept (1 byte each) and shared by all measures over n.

    Args:
        rng: where the draws come from.
        resamples: at least 1; reports use 10,000.
    """

    def __init__(self, rng: np.random.Generator, *, resamples: int = RESAMPLES) -> None:
        if resamples < 1:
            raise ValueError(f"resamples must be at least 1, got {resamples}")
        self.resamples = resamples
        self._entropy = int(rng.integers(2**63))
        self._weights: dict[int, npt.NDArray[np.uint8]] = {}

    def weights(self, n: int) -> npt.NDArray[np.uint8]:
        """How often each of n queries was drawn: (resamples, n), rows sum to n.

        Rows are multinomial with n draws of probability 1/n. A function of the generator
        and n alone: what else a report computes does not change an interval.
        """
        if n not in self._weights:
            rng = np.random.default_rng([self._entropy, n])
            rows = np.empty((self.resamples, n), np.uint8)
            for start in range(0, self.resamples, _ROWS):
                size = min(_ROWS, self.resamples - start)
                drawn = rng.integers(n, size=(size, n)) + np.arange(size)[:, None] * n
                counts = np.bincount(drawn.ravel(), minlength=size * n).reshape(size, n)
                rows[start : start + size] = np.minimum(counts, 255)
            self._weights[n] = rows
        return self._weights[n]

    def weights_by_value(
        self, features: npt.NDArray[np.floating], *, resamples: int
    ) -> npt.NDArray[np.uint8]:
        """The first rows of `weights`, its columns in the order of `features`' rows.

        Queries are drawn by the order of their values, as everywhere in this class.

        Args:
            features: (queries, features), what is known of each query.
            resamples: how many rows, or as many as there are.
        """
        order = np.lexsort(features.T[::-1])
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order))
        return self.weights(len(order))[:resamples, place]

    def percentiles(self, drawn: Floats) -> Floats:
        """2.5 and 97.5 percentiles of each column over the resamples that have a value.

        Args:
            drawn: (resamples, measures), NaN where a resample leaves a measure undefined.

        Returns:
            (measures, 2); NaN where fewer than `FEWEST_DEFINED` of the resamples have a value.
        """
        bounds = np.full((drawn.shape[1], 2), np.nan)
        undefined = np.isnan(drawn).sum(axis=0)
        whole = undefined == 0
        if whole.any():
            bounds[whole] = _two_sided(drawn[:, whole]).T
        for column in np.flatnonzero(~whole & (undefined <= (1 - FEWEST_DEFINED) * len(drawn))):
            values = drawn[:, column]
            bounds[column] = _two_sided(values[np.isfinite(values)][:, None])[:, 0]
        return bounds

    def of_means(self, values: Floats) -> list[Interval | None]:
        """Intervals of means over queries.

        Args:
            values: (queries, measures).

        Returns:
            One (low, high) per measure; None with fewer than two queries.
        """
        return self.of_ratios(values, np.ones_like(values))

    def of_ratios(self, numerators: Floats, denominators: Floats) -> list[Interval | None]:
        """Intervals of sum(numerators) / sum(denominators) over queries.

        Args:
            numerators: (queries, measures).
            denominators: the same shape, positive: leave out queries that have none.

        Returns:
            One (low, high) per measure; None with fewer than two queries.

        Raises:
            ValueError: the shapes differ, or a denominator is not positive.
        """
        if numerators.shape != denominators.shape or numerators.ndim != 2:
            raise ValueError("numerators and denominators must be 2-D and of one shape")
        if (denominators <= 0).any():
            raise ValueError("denominators must be positive")
        n, measures = numerators.shape
        if n < 2:
            return [None] * measures
        order = np.lexsort((numerators, denominators), axis=0)
        above = np.take_along_axis(numerators, order, axis=0)
        below = np.take_along_axis(denominators, order, axis=0)
        weights = self.weights(n)
        intervals: list[Interval | None] = []
        for left in range(0, measures, _COLUMNS):
            top, bottom = above[:, left : left + _COLUMNS], below[:, left : left + _COLUMNS]
            # Equal divisors, as in every mean, divide the quantiles instead of each resample.
            fixed = bool((bottom == bottom[0]).all())
            exact = _exact_type(top, bottom)
            drawn = np.empty((self.resamples, top.shape[1]), exact if fixed else np.float64)
            for start in range(0, self.resamples, _ROWS):
                block = weights[start : start + _ROWS].astype(exact)
                totals = block @ top.astype(exact)
                if not fixed:
                    totals = totals.astype(np.float64) / (block @ bottom.astype(exact))
                drawn[start : start + _ROWS] = totals
            low, high = _two_sided(drawn) / (n * bottom[0] if fixed else 1)
            intervals.extend(zip(low.tolist(), high.tolist(), strict=True))
        return intervals


def _exact_type(*values: Floats) -> type[np.float32] | type[np.float64]:
    """float32 where every sum of a resample is a whole number that it holds exactly."""
    whole = all((block == np.rint(block)).all() for block in values)
    largest = max(float(np.abs(block).max(initial=0)) * len(block) for block in values)
    return np.float32 if whole and largest < 2**24 else np.float64


def _two_sided(drawn: npt.NDArray[np.floating]) -> Floats:
    """The 2.5 and 97.5 percentiles of each column, linear between neighbours: (2, columns)."""
    places = np.array([0.025, 0.975]) * (len(drawn) - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, len(drawn) - 1)
    ordered = np.partition(np.ascontiguousarray(drawn.T), np.unique([below, above]), axis=1)
    left, right = ordered[:, below].astype(np.float64), ordered[:, above].astype(np.float64)
    return np.asarray(left + (right - left) * (places - below)).T
