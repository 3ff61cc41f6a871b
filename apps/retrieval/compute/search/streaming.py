"""Euclidean search: screening with a proven margin, then exact distances."""

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from apps.retrieval.compute.search import products as ways
from apps.retrieval.compute.search.base import (
    DEFAULT_MEMORY,
    Floats,
    Neighbours,
    OnRows,
    Ordinals,
    Told,
    check,
    merged,
)
from apps.retrieval.compute.search.definition import by_definition, euclidean_matrix
from apps.retrieval.compute.search.products import Products
from apps.retrieval.compute.search.reading import Buffer, Place, Rows
from apps.retrieval.compute.search.screening import LARGEST_SAFE_NORM, Screening, tiny_of

MOST_ROWS = 4096  # of a block,
MOST_BYTES = 2**25  # and its size
READERS = 2  # threads that read blocks ahead
CHECKED_ROWS = 64  # multiplied twice before another way than float32 on the processor is taken
COARSE_DIMENSIONS = 1024  # shorter vectors are screened in float32: their products are cheap,
COARSE_ROWS = 8192  # and so are few rows'
MANY_QUERIES = 64  # multiplying takes longer than reading: the page cache would gain nothing
GPU_THREADS = 2  # one copies a block to the GPU while the other's is multiplied

logger = logging.getLogger(__name__)


def euclidean(
    *,
    queries: Floats,
    shards: Sequence[Floats],
    first: int,
    eligible: npt.NDArray[np.bool_],
    own: Ordinals,
    k: int,
    memory: int = DEFAULT_MEMORY,
    threads: int | None = None,
    on_rows: OnRows | None = None,
    device: str = "cpu",
    block_rows: int | None = None,
) -> list[Neighbours]:
    """Nearest rows by Euclidean distance; see `Search` for the arguments.

    Screening: s = |x|² - 2 q·x by blocks of matrix products. With G a bound on the error of a
    product relative to |q||x| and N one on that of |x|² (`compute/search/products.py` has them
    and their source), both with room for the roundings of the doubling and the difference, s is
    off by less than

        e = 2 G |q||x| + N |x|² + 4 d 2^-126,

    the last term for products that underflow. Distances of the definition are themselves off by
    a relative (d + 8) 2^-53, which is added. A row is dropped only if s - e is above the k-th
    smallest s + e, so no row of the true answer is. The survivors' distances are then computed
    by the definition. Which way the products are computed (NumPy, torch, bfloat16, a GPU), in
    what blocks and in what order decides only how many rows survive.
    """
    check(queries=queries, shards=shards, eligible=eligible, own=own, k=k)
    count, dimensions = queries.shape
    if not count or not shards:
        return [merged([], k=k) for _ in range(count)]
    query_norms = np.sqrt(np.square(queries.astype(np.float64)).sum(axis=1))
    if query_norms.max() > LARGEST_SAFE_NORM:
        return by_definition(
            euclidean_matrix, queries, shards, first, eligible, own, k, memory, on_rows, block_rows
        )
    rows = Rows(shards, first, spare_the_cache=count >= MANY_QUERIES)
    plan = Plan.of(
        queries=count,
        dimensions=dimensions,
        row_bytes=rows.row_bytes,
        k=k,
        memory=memory,
        threads=GPU_THREADS if device == "cuda" else threads or os.cpu_count() or 1,
        block_rows=block_rows,
    )
    results: list[Neighbours] = []
    needs_torch = device != "cpu" or shards[0].dtype == np.float16
    with _one_thread_each(torch_too=needs_torch) as begin:
        for start in range(0, count, plan.group):
            some = slice(start, start + plan.group)
            screening = Screening(
                queries=queries[some],
                norms=query_norms[some],
                own=own[some],
                k=k,
                most=plan.most,
                block_rows=plan.block_rows,
                rows=rows,
            )
            told = Told(on_rows, passes=-(-count // plan.group), before=start // plan.group)
            with (
                ThreadPoolExecutor(plan.threads, initializer=begin) as workers,
                ThreadPoolExecutor(READERS) as readers,
            ):
                try:
                    _stream(screening, rows, eligible, plan, device, told, workers, readers)
                    results += screening.finish(workers)
                except BaseException:
                    workers.shutdown(wait=False, cancel_futures=True)
                    readers.shutdown(wait=False, cancel_futures=True)
                    raise
    return results


@dataclass(frozen=True)
class Plan:
    """How a search is cut so that it stays within its memory.

    Attributes:
        group: queries searched in one pass over the rows.
        block_rows: rows of a block.
        most: candidates of a query from which on they are settled.
        buffers: blocks in memory at once.
    """

    group: int
    block_rows: int
    most: int
    buffers: int
    threads: int

    @classmethod
    def of(
        cls,
        *,
        queries: int,
        dimensions: int,
        row_bytes: int,
        k: int,
        memory: int,
        threads: int,
        block_rows: int | None,
    ) -> "Plan":
        buffers = threads + READERS
        most = max(4 * k, 1024)
        # Bytes a row of a block takes: in the buffers; in float32 besides, where it is widened.
        per_row = buffers * row_bytes + threads * 4 * min(dimensions, 2 * ways.SUMMED_AT_ONCE)
        rows = int(max(16, min(MOST_ROWS, MOST_BYTES // row_bytes, memory / 4 // per_row)))
        if rows > ways.TILE_ROWS:
            rows -= rows % ways.TILE_ROWS
        rows = block_rows or rows
        # Bytes a query takes: itself in float32, bfloat16 and float64; its candidates with their
        # bounds and what pruning needs; its products with every row of every thread's block.
        per_query = 28 * dimensions + 64 * (most + rows) + 8 * rows * threads
        group = int(max(1, min(queries, memory / 2 // per_query)))
        return cls(group, rows, most, buffers, threads)


def _stream(
    screening: Screening,
    rows: Rows,
    eligible: npt.NDArray[np.bool_],
    plan: Plan,
    device: str,
    told: Told,
    workers: ThreadPoolExecutor,
    readers: ThreadPoolExecutor,
) -> None:
    """Screen all rows: some threads read blocks ahead, others multiply those that are there."""
    first = int(rows.starts[0])
    free = [Buffer(plan.block_rows * rows.row_bytes) for _ in range(plan.buffers)]
    at_work: deque[tuple[Future[None], Buffer, Place]] = deque()
    choice = _Choice(screening, rows, plan, device)

    def one(reading: Future[Floats], start: int, allowed: npt.NDArray[np.bool_]) -> None:
        screening.screen(start, reading.result(), allowed)

    def finish_oldest() -> None:
        done, buffer, place = at_work.popleft()
        done.result()
        free.append(buffer)
        told.add(rows=place.rows, of=len(eligible))
        choice.after(rows_done=told.rows)

    workers.submit(choice.begin).result()
    for place in rows.places(plan.block_rows):
        if not free:
            finish_oldest()
        buffer = free.pop()
        reading = readers.submit(rows.read, place, buffer)
        allowed = eligible[place.ordinal - first : place.ordinal - first + place.rows]
        at_work.append((workers.submit(one, reading, place.ordinal, allowed), buffer, place))
    while at_work:
        finish_oldest()


class _Choice:
    """Which way the products are computed: the choice never changes a result."""

    def __init__(self, screening: Screening, rows: Rows, plan: Plan, device: str) -> None:
        self.screening = screening
        self.rows = rows
        self.plan = plan
        self.device = device
        self.is_coarse = False

    def begin(self) -> None:
        first = self._way()()
        self.screening.products.put(first)
        for _ in range(self.plan.threads - 1):
            self.screening.products.put(first.for_another_thread())

    def after(self, *, rows_done: int) -> None:
        """Take closer bounds once it shows that the coarse ones leave too many candidates."""
        enough = max(COARSE_ROWS, 8 * self.screening.k)
        if not self.is_coarse or rows_done < enough:
            return
        self.is_coarse = False  # asked once
        if self.screening.is_too_coarse:
            closer = self._made(ways.TorchProducts)
            for _ in range(self.plan.threads):
                self.screening.closer.put(closer.for_another_thread())

    def _made(self, way: Any, **more: Any) -> Products:
        made: Products = way(self.screening.queries, block_rows=self.plan.block_rows, **more)
        return made

    def _way(self) -> Any:
        sample = self.rows.shards[0][:CHECKED_ROWS]
        if self.device != "cpu":
            gpu = partial(self._made, ways.TorchProducts, device=self.device)
            if self._is_right(gpu(), sample):
                return gpu
            logger.warning(
                "The device %s multiplies otherwise than the processor: it is not used.",
                self.device,
            )
        if sample.dtype != np.float16:
            return partial(self._made, ways.NumpyProducts)
        fine = partial(self._made, ways.TorchProducts)
        enough = int(self.rows.starts[-1] - self.rows.starts[0]) >= 2 * COARSE_ROWS
        if sample.shape[1] >= COARSE_DIMENSIONS and enough:
            coarse = partial(self._made, ways.CoarseProducts)
            pays = ways.coarse_pays(len(self.screening.queries), sample.shape[1])
            if pays and self._is_right(coarse(), sample):
                self.is_coarse = True
                return coarse
        return fine

    def _is_right(self, products: Products, sample: Floats) -> bool:
        return ways.agree(
            products,
            self._made(ways.TorchProducts if sample.dtype == np.float16 else ways.NumpyProducts),
            rows=sample,
            lengths=self.screening.norms,
            tiny=tiny_of(sample.shape[1]),
        )


@contextmanager
def _one_thread_each(*, torch_too: bool) -> Iterator[Any]:
    """Let every thread of ours multiply alone; yields what a thread must call first.

    Blocks side by side use the processor better than many threads on one block do. On a GPU,
    float32 means float32 meanwhile: the bounds are not those of TF32.
    """
    with threadpool_limits(1, user_api="blas"):
        if not torch_too:
            yield None
            return
        import torch

        threads, tf32 = torch.get_num_threads(), torch.backends.cuda.matmul.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = False
        try:
            yield partial(torch.set_num_threads, 1)
        finally:
            torch.set_num_threads(threads)
            torch.backends.cuda.matmul.allow_tf32 = tf32
