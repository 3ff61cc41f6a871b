"""Float32 screening of rows in blocks with error bounds, and the exact distances of survivors."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import (
    Doubles,
    Floats,
    Neighbours,
    Ordinals,
    in_float32,
    nearest,
)
from apps.retrieval.compute.search.definition import (
    euclidean_distances,
)

UNIT_32 = 2.0**-24  # half the gap between 1 and the next float32
UNIT_64 = 2.0**-53
LARGEST_SAFE_NORM = 1e17  # its square, and twice that, stay far inside float32
FETCHED_ROWS = 256  # rows collected from the shards at a time
SUMMED_AT_ONCE = 512  # dimensions of one product: shorter sums have closer bounds


class Candidates:
    """Rows that may still be among a query's nearest, with bounds on `distance² - |query|²`.

    `limit` is the k-th smallest upper bound seen so far: k rows are at least that near, so a row
    whose lower bound is above it cannot be among the nearest, and a row on it is kept for the
    tie. Rows whose bounds say no more are settled by their exact distances as soon as there are
    too many, so that the memory stays bounded even if all rows are the same.
    """

    def __init__(self, *, k: int, most: int) -> None:
        self.k = k
        self.most = most
        self.limit = np.inf
        self.ordinals: Ordinals = np.empty(0, np.int64)
        self.lower: Doubles = np.empty(0)
        self.upper: Doubles = np.empty(0)
        self._new: list[tuple[Ordinals, Doubles, Doubles]] = []
        self._waiting = 0

    def add(self, ordinals: Ordinals, lower: Doubles, upper: Doubles) -> None:
        self._new.append((ordinals, lower, upper))
        self._waiting += len(ordinals)

    @property
    def is_long(self) -> bool:
        return self._waiting + len(self.ordinals) > 2 * self.k

    def prune(self) -> None:
        if self._new:
            self.ordinals = np.concatenate([self.ordinals, *(new[0] for new in self._new)])
            self.lower = np.concatenate([self.lower, *(new[1] for new in self._new)])
            self.upper = np.concatenate([self.upper, *(new[2] for new in self._new)])
            self._new = []
            self._waiting = 0
        if len(self.ordinals) > self.k:
            self.limit = min(self.limit, np.partition(self.upper, self.k - 1)[self.k - 1])
            keep = self.lower <= self.limit
            self.ordinals = self.ordinals[keep]
            self.lower = self.lower[keep]
            self.upper = self.upper[keep]

    def settle(self, exact: Callable[[Ordinals], Doubles], *, slack: float, offset: float) -> None:
        """Keep the `k` best by their exact distances; their bounds become as good as exact."""
        best = nearest(self.ordinals, exact(self.ordinals), k=self.k)
        squared = np.square(best.distances)
        margin = slack * (squared + offset)
        self.ordinals = np.sort(best.ordinals)
        order = np.argsort(best.ordinals, kind="stable")
        self.lower = (squared - margin - offset)[order]
        self.upper = (squared + margin - offset)[order]
        if len(self.ordinals) == self.k:
            self.limit = min(self.limit, self.upper.max())


@dataclass(frozen=True)
class Block:
    """Rows to be screened. `norms` are |x|² in float32, infinite for rows that do not count."""

    start: int
    rows: Floats
    norms: Floats
    longest: float  # an upper bound of |x| over the rows that count
    large: npt.NDArray[np.intp]  # eligible rows whose squares float32 cannot sum

    @classmethod
    def of(cls, start: int, rows: Floats, eligible: npt.NDArray[np.bool_]) -> "Block":
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            norms = np.zeros(len(rows), np.float32)
            for part in _parts(rows.shape[1]):
                norms += np.einsum("ij,ij->i", rows[:, part], rows[:, part])
            allowed = eligible & (norms < LARGEST_SAFE_NORM**2)  # never true for NaN
        large = np.flatnonzero(eligible & ~allowed)
        large = large[np.isfinite(rows[large]).all(axis=1)]
        dimensions = rows.shape[1]
        squared = float(norms[allowed].max(initial=0.0)) * (1 + 2 * _growth(dimensions))
        longest = float(np.sqrt(squared + 2 * dimensions * 2.0**-126))  # squares may underflow
        return cls(start, rows, np.where(allowed, norms, np.float32(np.inf)), longest, large)


def _parts(dimensions: int) -> list[slice]:
    return [slice(at, at + SUMMED_AT_ONCE) for at in range(0, dimensions, SUMMED_AT_ONCE)]


def _growth(dimensions: int) -> float:
    """G of `euclidean`: the bound on a dot product's error, with room for four roundings."""
    terms = min(dimensions, SUMMED_AT_ONCE) + len(_parts(dimensions))
    return terms * UNIT_32 / (1 - terms * UNIT_32) + 4 * UNIT_32


class Team:
    """Queries that one thread searches for, and their candidates so far."""

    def __init__(
        self,
        *,
        queries: Floats,
        norms: Doubles,
        own: Ordinals,
        k: int,
        most: int,
        fetch: "Fetch",
        block_rows: int,
    ) -> None:
        dimensions = queries.shape[1]
        self.queries = queries
        self.products = np.empty(len(queries) * block_rows, np.float32)
        self.norms = norms  # |q| in float64
        self.own = own
        self.k = k
        self.fetch = fetch
        self.doubled = np.ascontiguousarray(-2.0 * queries.astype(np.float32))  # exact: times 2
        self.growth = _growth(dimensions)
        self.slack = 4 * (dimensions + 8) * UNIT_64
        self.tiny = 4 * dimensions * 2.0**-126
        self.candidates = [Candidates(k=k, most=most) for _ in queries]

    def screen(self, block: Block) -> None:
        """Note the rows of a block that may be among the nearest of a query."""
        if len(block.large):
            self._add_by_definition(block)
        if not np.isfinite(block.norms).any():
            return
        start, longest = block.start, block.longest
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            s = self._products(block.rows)
            s += block.norms
        error = (
            2 * self.growth * self.norms * longest
            + self.growth * longest**2
            + self.slack * (self.norms + longest) ** 2
            + self.tiny
        )  # (queries,)
        limits = self._limits(start, s, error)
        reach = np.nextafter(np.minimum(limits + error, 1e38).astype(np.float32), np.float32(2e38))
        hits = np.flatnonzero(s <= reach[:, None])  # never true for NaN
        hit_query, hit_row = np.divmod(hits, len(block.rows))
        ordinals = hit_row + start
        values = s.ravel()[hits].astype(np.float64)
        if ((self.own >= start) & (self.own < start + len(block.rows))).any():
            others = ordinals != self.own[hit_query]
            hit_query, ordinals, values = hit_query[others], ordinals[others], values[others]
        margins = error[hit_query]
        lower, upper = values - margins, values + margins
        bounds = np.searchsorted(hit_query, np.arange(len(self.queries) + 1)).tolist()
        for index, one in enumerate(self.candidates):
            here = slice(bounds[index], bounds[index + 1])
            if here.start < here.stop:
                self._add(index, one, ordinals[here], lower[here], upper[here])

    def _products(self, rows: Floats) -> Floats:
        """-2 q·x of all queries and rows, added up over pieces of the dimensions."""
        first, *others = _parts(rows.shape[1])
        products = self.products[: len(self.queries) * len(rows)].reshape(-1, len(rows))
        np.matmul(self.doubled[:, first], rows[:, first].T, out=products)
        for part in others:
            products += self.doubled[:, part] @ rows[:, part].T
        return products

    def _limits(self, start: int, s: Floats, error: Doubles) -> Doubles:
        """Every query's limit. The k-th of the first block is one already: far fewer are noted."""
        limits = np.array([one.limit for one in self.candidates])
        rows = s.shape[1]
        if rows > self.k and np.isinf(limits).any():
            ranks = np.partition(s, [self.k - 1, self.k], axis=1)[:, self.k - 1 : self.k + 1]
            # One rank further for a query that meets its own image, which does not count.
            meets = (self.own >= start) & (self.own < start + rows)
            nearest = np.where(meets, ranks[:, 1], ranks[:, 0]).astype(np.float64)
            limits = np.fmin(limits, nearest + error)
            for one, limit in zip(self.candidates, limits.tolist(), strict=True):
                one.limit = limit
        return limits

    def _add_by_definition(self, block: Block) -> None:
        """Add rows whose squares float32 cannot sum by their exact distances."""
        for index, one in enumerate(self.candidates):
            mine = block.large[block.large + block.start != self.own[index]]
            if len(mine):
                squared = np.square(
                    euclidean_distances(query=self.queries[index], rows=block.rows[mine])
                )
                offset = self.norms[index] ** 2
                margin = self.slack * (squared + offset)
                centre = squared - offset
                self._add(index, one, mine + block.start, centre - margin, centre + margin)

    def _add(
        self, index: int, one: "Candidates", ordinals: Ordinals, lower: Doubles, upper: Doubles
    ) -> None:
        one.add(ordinals, lower, upper)
        if one.is_long:
            one.prune()
            if len(one.ordinals) > one.most:
                one.settle(
                    lambda ordinals: self.fetch.distances(self.queries[index], ordinals),
                    slack=self.slack,
                    offset=float(self.norms[index] ** 2),
                )

    def finish(self, index: int) -> Neighbours:
        one = self.candidates[index]
        one.prune()
        distances = self.fetch.distances(self.queries[index], one.ordinals)
        return nearest(one.ordinals, distances, k=self.k)


class Fetch:
    """Rows by ordinal from mapped shards."""

    def __init__(self, shards: Sequence[Floats], first: int) -> None:
        self.shards = shards
        self.starts = first + np.concatenate([[0], np.cumsum([len(shard) for shard in shards])])

    def distances(self, query: Floats, ordinals: Ordinals) -> Doubles:
        """Exact distances of some rows, in the order of `ordinals`."""
        order = np.argsort(ordinals, kind="stable")
        ascending = ordinals[order]
        out = np.empty(len(ordinals))
        for start in range(0, len(ordinals), FETCHED_ROWS):
            some = slice(start, start + FETCHED_ROWS)
            rows = self._rows(ascending[some])
            out[order[some]] = euclidean_distances(query=query, rows=rows)
        return out

    def _rows(self, ascending: Ordinals) -> Floats:
        edges = np.searchsorted(ascending, self.starts)
        rows = np.empty((len(ascending), self.shards[0].shape[1]), self.shards[0].dtype)
        for number in np.flatnonzero(np.diff(edges)).tolist():
            low, high = edges[number], edges[number + 1]
            inside = ascending[low:high] - self.starts[number]
            self.shards[number].take(inside, axis=0, out=rows[low:high], mode="clip")
        return rows


def blocks(
    shards: Sequence[Floats], first: int, block_rows: int, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, Floats]]:
    """Yield (ordinal of its first row, block in float32), reading one block ahead."""

    def places() -> Iterator[tuple[int, Floats]]:
        start = first
        for shard in shards:
            for row in range(0, len(shard), block_rows):
                yield start + row, shard[row : row + block_rows]
            start += len(shard)

    def read(block: Floats) -> Floats:
        return in_float32(block)

    ahead = None
    for start, block in places():
        following = (start, pool.submit(read, block))
        if ahead is not None:
            yield ahead[0], ahead[1].result()
        ahead = following
    if ahead is not None:
        yield ahead[0], ahead[1].result()
