"""Exact search beside NumPy, torch and faiss on the same data."""

import logging
from typing import Any

import numpy as np

from apps.retrieval.bench.base import BENCH_THREADS, Measurement, quickest
from apps.retrieval.compute.search import euclidean

QUERIES, DIMENSIONS, BEST = 200, 512, 500


def search_of_512_dimensions(*, quick: bool) -> list[Measurement]:
    """Exact top-500 of 200 queries against NumPy, torch and faiss on the same data."""
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    import faiss
    import torch
    from threadpoolctl import threadpool_limits

    rows = 100_000  # with fewer, the exact distances of the 500 weigh more than the search
    rng = np.random.default_rng(0)
    vectors = rng.random((rows, DIMENSIONS), dtype=np.float32)
    queries = vectors[:QUERIES].copy()
    shards = [vectors[start : start + 4096] for start in range(0, rows, 4096)]
    tensors, asked = torch.from_numpy(vectors), torch.from_numpy(queries)
    index = faiss.IndexFlatL2(DIMENSIONS)
    index.add(vectors)
    faiss.omp_set_num_threads(BENCH_THREADS)

    def ours() -> Any:
        return euclidean(
            queries=queries,
            shards=shards,
            first=0,
            eligible=np.ones(rows, dtype=np.bool_),
            own=np.arange(QUERIES),
            k=BEST,
            threads=BENCH_THREADS,
        )

    def with_numpy() -> Any:
        distances = np.square(vectors).sum(axis=1) - 2 * queries @ vectors.T
        best = np.argpartition(distances, BEST, axis=1)[:, : BEST + 1]
        found = np.take_along_axis(distances, best, axis=1)
        return np.take_along_axis(best, found.argsort(axis=1), axis=1)

    def with_torch() -> Any:
        distances = tensors.square().sum(dim=1) - 2 * asked @ tensors.T
        return torch.topk(distances, BEST + 1, largest=False)

    def with_faiss() -> Any:
        return index.search(queries, BEST + 1)

    before = torch.get_num_threads()
    torch.set_num_threads(BENCH_THREADS)
    try:
        with threadpool_limits(BENCH_THREADS):
            times = quickest(
                {"ours": ours, "numpy": with_numpy, "torch": with_torch, "faiss": with_faiss},
                rounds=3 if quick else 7,
            )
    finally:
        torch.set_num_threads(before)
    fastest = min(times[name] for name in ("numpy", "torch", "faiss"))
    what = f"top-{BEST}, {QUERIES} queries, {rows:,} x {DIMENSIONS}"
    return [
        Measurement(f"search, {what}: ours", times["ours"], "s"),
        *(
            Measurement(f"search, {what}: {name}", times[name], "s")
            for name in ("numpy", "torch", "faiss")
        ),
        Measurement(f"search, {what}: ours / fastest", times["ours"] / fastest, "", "<= 1.1"),
    ]
