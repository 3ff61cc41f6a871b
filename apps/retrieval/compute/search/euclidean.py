"""Euclidean search: float32 screening with a proven margin, then exact distances."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from apps.retrieval.compute.search.base import (
    DEFAULT_MEMORY,
    Floats,
    Neighbours,
    OnRows,
    Ordinals,
    Told,
    check,
    merged,
    rows_of_a_block,
)
from apps.retrieval.compute.search.definition import (
    by_definition,
    euclidean_matrix,
)
from apps.retrieval.compute.search.screening import (
    LARGEST_SAFE_NORM,
    Block,
    Fetch,
    Team,
    blocks,
)


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
    block_rows: int | None = None,
) -> list[Neighbours]:
    """Nearest rows by Euclidean distance; see `Search` for the arguments.

    Screening: s = |x|² - 2 q·x in float32, by blocks of matrix products over m = 512 dimensions
    each, whose c results are added up. With u = 2^-24 and g(n) = n·u / (1 - n·u), a sum of n
    products in float32 is off by at most g(n) sum |q_i x_i|, in whatever order (Higham, Accuracy
    and Stability of Numerical Algorithms, 2002, equation 3.5), so a dot product is off by at
    most g(m + c) |q||x| (lemma 3.3 and Cauchy-Schwarz), and |x|² by g(m + c) |x|². With the
    roundings of the doubling and the difference, and G = g(m + c) + 4u, s is off by less than

        e = 2 G |q||x| + G |x|² + 4 d 2^-126,

    the last term for products that underflow. Distances of the definition are themselves off by
    a relative (d + 8) 2^-53, which is added. A row is dropped only if s - e is above the k-th
    smallest s + e, so no row of the true answer is. The survivors' distances are then computed
    by the definition.
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

    most = max(4 * k, 2048)
    # Bytes a query takes: itself in three forms and its candidates with their bounds.
    group = int(max(1, min(count, memory / 3 // (24 * dimensions + 48 * most))))
    rows = block_rows or rows_of_a_block(
        memory=memory, per_row=8 * dimensions + 40 * group, dimensions=dimensions
    )
    teams = threads or os.cpu_count() or 1
    fetch = Fetch(shards, first)
    results: list[Neighbours] = []
    with (
        ThreadPoolExecutor(teams) as pool,
        ThreadPoolExecutor(1) as reader,
        # Every thread screens for its own queries from end to end: more than the products
        # of the matrices then runs side by side.
        threadpool_limits(1, user_api="blas"),
    ):
        for start in range(0, count, group):
            told = Told(on_rows, passes=-(-count // group), before=start // group)
            members = [
                Team(
                    queries=queries[some],
                    norms=query_norms[some],
                    own=own[some],
                    k=k,
                    most=most,
                    fetch=fetch,
                    block_rows=rows,
                )
                for some in np.array_split(np.arange(start, min(start + group, count)), teams)
                if len(some)
            ]
            for at, rows_here in blocks(shards, first, rows, reader):
                end = at - first + len(rows_here)
                block = Block.of(at, rows_here, eligible[at - first : end])
                list(pool.map(partial(Team.screen, block=block), members))
                told.add(rows=len(rows_here), of=len(eligible))
            for team in members:
                results += pool.map(team.finish, range(len(team.queries)))
    return results
