"""How the time of a search grows with the number of images and of queries."""

from functools import partial
from typing import Any

import numpy as np

from apps.retrieval.bench.base import BENCH_THREADS, Measurement, quickest
from apps.retrieval.compute.search import euclidean

DIMENSIONS, BEST = 512, 50
IMAGES = (25_000, 50_000, 100_000, 200_000)
QUERIES = (100, 200, 400, 800)


def growth_of_a_search(*, quick: bool) -> list[Measurement]:
    """Exponents b of time = a size^b, fitted to four sizes each time doubled: 1 is linear."""
    divisor = 4 if quick else 1
    images = [size // divisor for size in IMAGES]
    queries = [size // divisor for size in QUERIES]
    rng = np.random.default_rng(0)
    vectors = rng.random((images[-1], DIMENSIONS), dtype=np.float32)

    def search(rows: int, asked: int) -> Any:
        return euclidean(
            queries=vectors[:asked],
            shards=[vectors[start : min(start + 4096, rows)] for start in range(0, rows, 4096)],
            first=0,
            eligible=np.ones(rows, dtype=np.bool_),
            own=np.arange(asked),
            k=BEST,
            threads=BENCH_THREADS,
        )

    rounds = 2 if quick else 3
    most, many = images[2], queries[1]
    over_images = quickest(
        {str(rows): partial(search, rows, many) for rows in images}, rounds=rounds
    )
    over_queries = quickest(
        {str(asked): partial(search, most, asked) for asked in queries}, rounds=rounds
    )
    return [
        Measurement("growth exponent of a search, images", fitted(over_images), "", "<= 1.1"),
        Measurement("growth exponent of a search, queries", fitted(over_queries), "", "<= 1.1"),
    ]


def fitted(seconds: dict[str, float]) -> float:
    """The slope of log time over log size, by least squares."""
    sizes = np.log([float(size) for size in seconds])
    return float(np.polyfit(sizes, np.log(list(seconds.values())), 1)[0])
