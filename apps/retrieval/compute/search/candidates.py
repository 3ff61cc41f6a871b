"""Rows that may still be among the nearest, for many queries at once, with bounds."""

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import Doubles, Ordinals


class Candidates:
    """Rows with a lower and an upper bound on `distance² - |query|²`, for every query.

    `limits` is every query's k-th smallest upper bound seen so far: k rows are at least that
    near, so a row whose lower bound is above it cannot be among the nearest, and a row on it is
    kept for the tie. A query has at most `room` rows; the owner settles those that have more
    than they need, so that the memory stays bounded even if all rows are the same.

    One array of (queries, room) per kind of number, so that all queries are pruned together: a
    loop over queries in Python would keep the other threads from working.
    """

    def __init__(self, *, queries: int, k: int, room: int) -> None:
        self.k = k
        self.room = room
        self.limits: Doubles = np.full(queries, np.inf)
        self.counts = np.zeros(queries, dtype=np.int64)
        self._ordinals = np.zeros((queries, room), dtype=np.int64)
        self._lower = np.full((queries, room), np.inf)
        self._upper = np.full((queries, room), np.inf)

    def tighten(self, limits: Doubles) -> None:
        np.fmin(self.limits, limits, out=self.limits)

    def add(
        self, query: npt.NDArray[np.intp], ordinals: Ordinals, lower: Doubles, upper: Doubles
    ) -> None:
        """Add rows, sorted by `query`; there must be room for them."""
        new = np.bincount(query, minlength=len(self.counts))
        starts = np.concatenate([[0], np.cumsum(new)[:-1]])
        place = self.counts[query] + np.arange(len(query)) - starts[query]
        self._ordinals[query, place] = ordinals
        self._lower[query, place] = lower
        self._upper[query, place] = upper
        self.counts += new

    def prune(self) -> None:
        """Bring the limits up to date and forget the rows that are beyond them."""
        used = int(self.counts.max(initial=0))
        if used <= self.k:
            return
        upper = self._upper[:, :used]  # infinite where a query has fewer
        self.tighten(np.partition(upper, self.k - 1, axis=1)[:, self.k - 1])
        keep = (self._lower[:, :used] <= self.limits[:, None]) & (
            np.arange(used) < self.counts[:, None]
        )
        self.counts = keep.sum(axis=1)
        filled = np.arange(used) < self.counts[:, None]
        for kind in (self._ordinals, self._lower, self._upper):
            kept = kind[:, :used][keep]
            if kind is not self._ordinals:
                kind[:, :used] = np.inf
            kind[:, :used][filled] = kept

    def of(self, query: int) -> Ordinals:
        return self._ordinals[query, : self.counts[query]]

    def likeliest(self, query: int) -> Ordinals:
        """Ascending ordinals of the k rows with the lowest middles of their bounds."""
        count = self.counts[query]
        middles = self._lower[query, :count] + self._upper[query, :count]
        chosen = np.argsort(middles, kind="stable")[: self.k]
        return np.sort(self._ordinals[query, chosen])

    def within(self, query: int, limit: float) -> Ordinals:
        """Ascending ordinals of the rows that may be no farther than a limit."""
        count = self.counts[query]
        return np.sort(self._ordinals[query, :count][self._lower[query, :count] <= limit])

    def replace(self, query: int, ordinals: Ordinals, lower: Doubles, upper: Doubles) -> None:
        """Put settled rows in the place of all that the query had."""
        count = len(ordinals)
        self._lower[query] = self._upper[query] = np.inf
        self._ordinals[query, :count] = ordinals
        self._lower[query, :count] = lower
        self._upper[query, :count] = upper
        self.counts[query] = count
        if count == self.k:
            self.limits[query] = min(self.limits[query], upper.max())
