"""Screening of rows in blocks with error bounds, and the exact distances of survivors."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from queue import SimpleQueue
from threading import Lock

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import (
    Doubles,
    Floats,
    Neighbours,
    Ordinals,
    in_float32,
    merged,
    nearest,
)
from apps.retrieval.compute.search.candidates import Candidates
from apps.retrieval.compute.search.definition import distances_to_some, euclidean_distances
from apps.retrieval.compute.search.products import Products
from apps.retrieval.compute.search.reading import READ_ALONE, Rows

UNIT_64 = 2.0**-53
LARGEST_SAFE_NORM = 1e17  # its square, and twice that, stay far inside float32
FETCHED_BYTES = 2**22  # of survivors, read at a time
READING_AT_ONCE = 8  # threads that read survivors: a disk serves many better than one
COARSE_ENOUGH = 2.0  # times k: with more candidates than that, closer bounds are cheaper


@dataclass(frozen=True)
class Block:
    """Rows to be screened, and what `Products` say of them.

    Attributes:
        norms: |x|² in float32, infinite for rows that do not count.
        longest: an upper bound of |x| over the rows that count.
        large: eligible rows whose squares float32 cannot sum.
    """

    start: int
    rows: Floats
    norms: Floats
    longest: float
    large: npt.NDArray[np.intp]

    @classmethod
    def of(
        cls,
        start: int,
        rows: Floats,
        norms: Floats,
        eligible: npt.NDArray[np.bool_],
        growth: float,
    ) -> "Block":
        with np.errstate(invalid="ignore"):
            allowed = eligible & (norms < LARGEST_SAFE_NORM**2)  # never true for NaN
        large = np.flatnonzero(eligible & ~allowed)
        large = large[np.isfinite(rows[large]).all(axis=1)]
        squared = float(norms[allowed].max(initial=0.0)) * (1 + 2 * growth)
        longest = float(np.sqrt(squared + 2 * rows.shape[1] * 2.0**-126))  # squares may underflow
        return cls(start, rows, np.where(allowed, norms, np.float32(np.inf)), longest, large)


class Screening:
    """Queries and their candidates so far; any number of threads may screen blocks for them.

    A thread takes `Products` from those that wait. It works on a block of its own and takes the
    lock only to note what it found: limits that another thread has lowered meanwhile are merely
    not as tight as they could be.
    """

    def __init__(
        self,
        *,
        queries: Floats,
        norms: Doubles,
        own: Ordinals,
        k: int,
        most: int,
        block_rows: int,
        rows: Rows,
    ) -> None:
        dimensions = queries.shape[1]
        self.queries = queries
        self.norms = norms  # |q| in float64
        self.own = own
        self.k = k
        self.most = most
        self.rows = rows
        self.slack = 4 * (dimensions + 8) * UNIT_64
        self.tiny = tiny_of(dimensions)
        self.candidates = Candidates(queries=len(queries), k=k, room=most + block_rows)
        self.products: SimpleQueue[Products] = SimpleQueue()
        self.closer: SimpleQueue[Products] = SimpleQueue()  # take the places of coarse ones
        self._lock = Lock()

    def screen(self, start: int, rows: Floats, eligible: npt.NDArray[np.bool_]) -> None:
        """Note the rows of a block that may be among the nearest of a query."""
        products = self.products.get()
        if products.is_coarse and not self.closer.empty():
            products = self.closer.get()
        try:
            s, norms = products.of(rows)
            block = Block.of(start, rows, norms, eligible, products.norm_growth)
            if len(block.large):
                self._add_by_definition(block)
            if np.isfinite(block.norms).any():
                self._note(block, s, products)
        finally:
            self.products.put(products)

    def _note(self, block: Block, s: Floats, products: Products) -> None:
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            s += block.norms
        start, longest = block.start, block.longest
        error = (
            2 * products.growth * self.norms * longest
            + products.norm_growth * longest**2
            + self.slack * (self.norms + longest) ** 2
            + self.tiny
        )  # (queries,)
        limits = self._limits(start, s, error)
        reach = np.nextafter(np.minimum(limits + error, 1e38).astype(np.float32), np.float32(2e38))
        hits = np.flatnonzero(s <= reach[:, None])  # never true for NaN
        query, row = np.divmod(hits, len(block.rows))
        ordinals = row + start
        values = s.ravel()[hits].astype(np.float64)
        if ((self.own >= start) & (self.own < start + len(block.rows))).any():
            others = ordinals != self.own[query]
            query, ordinals, values = query[others], ordinals[others], values[others]
        margins = error[query]
        with self._lock:
            self.candidates.tighten(limits)
            self._add(query, ordinals, values - margins, values + margins)

    def _limits(self, start: int, s: Floats, error: Doubles) -> Doubles:
        """Every query's limit. The k-th of the first block is one already: far fewer are noted."""
        limits = self.candidates.limits.copy()
        rows = s.shape[1]
        if rows > self.k and np.isinf(limits).any():
            ranks = np.partition(s, [self.k - 1, self.k], axis=1)[:, self.k - 1 : self.k + 1]
            # One rank further for a query that meets its own image, which does not count.
            meets = (self.own >= start) & (self.own < start + rows)
            reached = np.where(meets, ranks[:, 1], ranks[:, 0]).astype(np.float64)
            np.fmin(limits, reached + error, out=limits)
        return limits

    def _add_by_definition(self, block: Block) -> None:
        """Add rows whose squares float32 cannot sum by their exact distances."""
        for index, own in enumerate(self.own.tolist()):
            mine = block.large[block.large + block.start != own]
            if len(mine):
                squared = np.square(
                    euclidean_distances(query=self.queries[index], rows=block.rows[mine])
                )
                offset = self.norms[index] ** 2
                margin = self.slack * (squared + offset)
                centre = squared - offset
                query = np.full(len(mine), index, dtype=np.intp)
                with self._lock:
                    self._add(query, mine + block.start, centre - margin, centre + margin)

    def _add(
        self, query: npt.NDArray[np.intp], ordinals: Ordinals, lower: Doubles, upper: Doubles
    ) -> None:
        if not len(query):
            return
        candidates = self.candidates
        candidates.add(query, ordinals, lower, upper)
        if candidates.counts.max() > min(2 * self.k, self.most):
            candidates.prune()
            for index in np.flatnonzero(candidates.counts > self.most).tolist():
                self._settle(index)

    def _settle(self, index: int) -> None:
        """Keep the `k` best by their exact distances; their bounds become as good as exact."""
        ordinals = np.sort(self.candidates.of(index))
        distances = euclidean_distances_of(self.rows, self.queries[index], ordinals)
        best = nearest(ordinals, distances, k=self.k)
        squared = np.square(best.distances)
        offset = float(self.norms[index] ** 2)
        margin = self.slack * (squared + offset)
        self.candidates.replace(
            index, best.ordinals, squared - margin - offset, squared + margin - offset
        )

    @property
    def is_too_coarse(self) -> bool:
        """Whether the bounds leave so many candidates that closer ones would be cheaper."""
        with self._lock:
            self.candidates.prune()
            return float(np.median(self.candidates.counts)) > COARSE_ENOUGH * self.k

    def finish(self, workers: ThreadPoolExecutor) -> list[Neighbours]:
        """The nearest by exact distances.

        Those of the likeliest k come first: the farthest of them is a limit as close as can be,
        which spares most of the others when bounds are wide.
        """
        self.candidates.prune()
        everybody = range(len(self.queries))
        likeliest = [self.candidates.likeliest(index) for index in everybody]
        first = self._exact(likeliest, workers)
        others = []
        for index, known, distances in zip(everybody, likeliest, first, strict=True):
            squared = float(np.square(distances).max(initial=0.0))
            offset = float(self.norms[index] ** 2)
            limit = squared + self.slack * (squared + offset) - offset
            left = self.candidates.within(index, limit if len(known) == self.k else np.inf)
            others.append(np.setdiff1d(left, known, assume_unique=True))
        second = self._exact(others, workers)
        return [
            merged([Neighbours(a, b), Neighbours(c, d)], k=self.k)
            for a, b, c, d in zip(likeliest, first, others, second, strict=True)
        ]

    def _exact(self, found: list[Ordinals], workers: ThreadPoolExecutor) -> list[Doubles]:
        if self.rows.row_bytes < READ_ALONE:
            distances = workers.map(euclidean_distances_of, repeat(self.rows), self.queries, found)
            return list(distances)
        return self._distances_row_by_row(found, workers)

    def _distances_row_by_row(
        self, found: list[Ordinals], workers: ThreadPoolExecutor
    ) -> list[Doubles]:
        """Exact distances with every row read once for all queries that want it."""
        counts = np.array([len(one) for one in found])
        out = np.empty(counts.sum())
        query = np.repeat(np.arange(len(found)), counts)
        ordinals = np.concatenate(found)
        order = np.argsort(ordinals, kind="stable")
        rows, begins = np.unique(ordinals[order], return_index=True)
        ends = np.append(begins[1:], len(order))

        queries = in_float32(self.queries)  # in float64 they would fall out of the cache

        def measure(reading: Future[Floats], start: int) -> None:
            for number, row in enumerate(in_float32(reading.result()), start):
                pairs = order[begins[number] : ends[number]]
                out[pairs] = distances_to_some(
                    one=row.astype(np.float64), others=queries, which=query[pairs].tolist()
                )

        step = max(1, FETCHED_BYTES // self.rows.row_bytes)
        at_work: deque[Future[None]] = deque()
        with ThreadPoolExecutor(READING_AT_ONCE) as readers:
            for start in range(0, len(rows), step):
                if len(at_work) > READING_AT_ONCE:
                    at_work.popleft().result()
                reading = readers.submit(self.rows.take, rows[start : start + step])
                at_work.append(workers.submit(measure, reading, start))
            for one in at_work:
                one.result()
        return np.split(out, np.cumsum(counts)[:-1])


def tiny_of(dimensions: int) -> float:
    """What products that underflow may add up to, times 2."""
    return float(4 * dimensions * 2.0**-126)


def euclidean_distances_of(rows: Rows, query: Floats, ascending: Ordinals) -> Doubles:
    """Exact distances of some rows, read a few at a time."""
    out = np.empty(len(ascending))
    step = max(1, FETCHED_BYTES // (4 * rows.row_bytes))
    for start in range(0, len(ascending), step):
        some = slice(start, start + step)
        out[some] = euclidean_distances(query=query, rows=rows.take(ascending[some]))
    return out
