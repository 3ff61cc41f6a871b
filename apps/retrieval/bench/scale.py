"""Exact search in 25,088 dimensions from disk, against the machine's own peaks in the same run.

Vectors are synthetic: sums of 64 directions with random weights, less a constant, negative values
set to 0. As in layer 5A of real images, four of ten values are not 0, the median cosine is about a
quarter, and nearly as many rows lie close behind the k-th (measured on the 3,442 real images of
the reference run; rows without such structure are found by the same search with closer bounds).

Nothing is read from memory that ought to come from the disk: the files are dropped from the page
cache (`posix_fadvise(DONTNEED)` after `fsync`) before the disk is measured and before every
search. Memory is the growth of the process's anonymous pages (`RssAnon`): all that is allocated;
pages of mapped files, which the system takes back when it likes, are not in it.
"""

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from apps.common.errors import ConflictError
from apps.retrieval.bench.base import BENCH_THREADS, Measurement
from apps.retrieval.compute.search import euclidean
from apps.retrieval.compute.search.reading import Buffer, read_at

PAPER_ROWS, DIMENSIONS, QUERIES, BEST = 678_347, 25_088, 200, 500
DIRECTIONS = 64
READ = 16 * 2**20  # bytes at a time while the disk is measured
READ_AT_MOST = 4 * 2**30  # of the files, to measure the disk


def search_from_disk(*, quick: bool) -> list[Measurement]:
    """A tenth of the paper's collection (quick: a fortieth)."""
    return _search(rows=PAPER_ROWS // (40 if quick else 10), rounds=1 if quick else 2, quick=quick)


def search_of_the_papers_size(*, quick: bool) -> list[Measurement]:
    """All 678,347 rows, 34 GB: not part of `make bench`; `make bench-full` runs it.

    There is no quick one: the size is the point.
    """
    del quick
    return _search(rows=PAPER_ROWS, rounds=1)


def _search(*, rows: int, rounds: int, quick: bool = False) -> list[Measurement]:
    with _synthetic_shards(rows=rows) as paths:
        size = sum(path.stat().st_size for path in paths)
        own = np.linspace(0, rows - 1, QUERIES).astype(np.int64)
        shards = [np.load(path, mmap_mode="r", allow_pickle=False) for path in paths]
        queries = np.concatenate([shards[at // len(shards[0])][at % len(shards[0])][None]
                                  for at in own.tolist()]).astype(np.float32)  # fmt: skip
        seconds, disk, products, memory = [], [], [], []
        for _ in range(rounds):
            # Before every search: a busy moment of the machine meets all three.
            products.append(_products_per_second())
            disk.append(_read_speed(paths))
            _drop_from_cache(paths)
            with _anonymous_memory() as grown:
                started = time.perf_counter()
                euclidean(
                    queries=queries,
                    shards=shards,
                    first=0,
                    eligible=np.ones(rows, dtype=np.bool_),
                    own=own,
                    k=BEST,
                    memory=settings.SEARCH_MEMORY,
                    threads=BENCH_THREADS,
                )
                seconds.append(time.perf_counter() - started)
            memory.append(float(grown[0]))
        del shards
    operations = 2.0 * rows * DIMENSIONS * QUERIES
    taken, bandwidth, peak = min(seconds), max(disk), max(products)
    bound = max(operations / peak, size / bandwidth)
    what = f"search, top-{BEST}, {QUERIES} queries, {rows:,} x {DIMENSIONS:,} float16"
    return [
        Measurement("float32 matrix product, peak", peak / 1e9, "GFLOP/s"),
        Measurement("disk, not cached, peak", bandwidth / 1e9, "GB/s"),
        Measurement(what, taken, "s"),
        Measurement(f"{what}: reading", size / taken / 1e9, "GB/s"),
        Measurement(f"{what}: products", operations / taken / 1e9, "GFLOP/s"),
        Measurement(f"{what}: at the machine's peak", bound, "s"),
        # With few rows the exact distances of the best weigh more than the search.
        Measurement(f"{what}: time / peak", taken / bound, "", "" if quick else "<= 1.25"),
        Measurement(f"{what}: memory", max(memory) / 2**20, "MiB"),
        Measurement(f"{what}: memory / limit", max(memory) / settings.SEARCH_MEMORY, "", "<= 1"),
    ]


@contextmanager
def _synthetic_shards(*, rows: int) -> Iterator[list[Path]]:
    """Shards in a folder of the data folder that is removed afterwards.

    Raises:
        ConflictError: the disk has no room for them.
    """
    import torch

    settings.DATA.mkdir(parents=True, exist_ok=True)
    needed = rows * DIMENSIONS * 2 + settings.DISK_RESERVE
    free = shutil.disk_usage(settings.DATA).free
    if free < needed:
        raise ConflictError(
            f"{rows:,} rows of {DIMENSIONS:,} float16 need {needed / 1e9:.0f} GB on the disk of "
            f"{settings.DATA}, which has {free / 1e9:.0f} GB free."
        )
    with tempfile.TemporaryDirectory(dir=settings.DATA, prefix="bench-") as folder:
        rng = torch.Generator().manual_seed(0)
        directions = torch.randn(DIRECTIONS, DIMENSIONS, generator=rng)
        paths = []
        for start in range(0, rows, settings.SHARD_ROWS):
            count = min(settings.SHARD_ROWS, rows - start)
            weights = torch.randn(count, DIRECTIONS, generator=rng)
            weights /= weights.norm(dim=1, keepdim=True)
            vectors = weights @ directions
            vectors.sub_(0.3).clamp_(min=0)
            path = Path(folder) / f"shard-{start // settings.SHARD_ROWS:05d}.npy"
            with path.open("wb") as file:
                np.save(file, vectors.to(torch.float16).numpy(), allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
            _drop_from_cache([path])
            paths.append(path)
        yield paths


def _drop_from_cache(paths: list[Path]) -> None:
    for path in paths:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)


def _read_speed(paths: list[Path]) -> float:
    """Bytes per second from the disk: the better of reading through the page cache and past it."""
    chunks = [
        (path, at, min(READ, path.stat().st_size - at))
        for path in paths
        for at in range(0, path.stat().st_size, READ)
    ][: READ_AT_MOST // READ]
    total = sum(size for _, _, size in chunks)
    buffers = threading.local()

    def read(chunk: tuple[Path, int, int], past_the_cache: bool) -> None:
        if not hasattr(buffers, "mine"):
            buffers.mine = Buffer(READ)
        read_at(*chunk, buffers.mine, past_the_cache=past_the_cache)

    best = 0.0
    for past_the_cache in (False, True):
        _drop_from_cache(paths)
        with ThreadPoolExecutor(BENCH_THREADS) as pool:
            started = time.perf_counter()
            list(pool.map(read, chunks, repeat(past_the_cache)))
            best = max(best, total / (time.perf_counter() - started))
    return best


def _products_per_second() -> float:
    """Floating-point operations per second of float32 products: the best of shapes and ways."""
    import torch

    def rate(a: Any, b: Any, *, times: int) -> float:
        out = torch.empty(a.shape[0], b.shape[0])
        best = 0.0
        for _ in range(times):
            started = time.perf_counter()
            torch.mm(a, b.T, out=out)
            seconds = time.perf_counter() - started
            best = max(best, 2.0 * a.shape[0] * a.shape[1] * b.shape[0] / seconds)
        return best

    def alone(_: int) -> float:
        torch.set_num_threads(1)
        return rate(torch.rand(QUERIES, 512), torch.rand(1024, 512), times=300)

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(BENCH_THREADS)
        together = max(
            rate(torch.rand(2048, 2048), torch.rand(2048, 2048), times=10),
            rate(torch.rand(QUERIES, 2048), torch.rand(4096, 2048), times=20),
        )
        # As the search does it: every thread multiplies alone.
        with ThreadPoolExecutor(BENCH_THREADS) as pool:
            apart = sum(pool.map(alone, range(BENCH_THREADS)))
    finally:
        torch.set_num_threads(before)
    return max(together, apart)


@contextmanager
def _anonymous_memory() -> Iterator[npt.NDArray[np.float64]]:
    """By how many bytes the process's anonymous pages grow at most, looked at every 20 ms."""
    grown = np.zeros(1)
    before = _anonymous()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.02):
            grown[0] = max(grown[0], _anonymous() - before)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield grown
    finally:
        over.set()
        thread.join()


def _anonymous() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon:"):
            return int(line.split()[1]) * 1024
    return 0
