"""Search by the definition: every distance is computed, block by block, in float64."""

import threading
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import (
    DEFAULT_MEMORY,
    Doubles,
    Floats,
    Neighbours,
    OnRows,
    Ordinals,
    Told,
    check,
    in_float32,
    merged,
    rows_of_a_block,
)

EXACT_BYTES = 2**20  # widened to float64 at a time: they stay in cache

Matrix = Callable[[Floats, Floats], Doubles]  # (queries, d), (rows, d) -> (queries, rows)


def euclidean_distances(*, query: Floats, rows: Floats) -> Doubles:
    """The definition: sqrt(sum((row - query)²)) in float64, row by row; shape (rows,).

    A row's value depends on that row and the query alone, not on which rows come with it, and
    is the same with both exchanged.
    """
    wide = in_float32(query[None])[0].astype(np.float64)
    out = np.empty(len(rows))
    step = max(1, EXACT_BYTES // (8 * len(query)))
    differences = _scratch(min(step, len(rows)), len(query))
    for start in range(0, len(rows), step):
        some = in_float32(rows[start : start + step])
        difference = differences[: len(some)]
        np.subtract(some, wide, out=difference)
        _lengths(difference, out=out[start : start + step])
    return out


def distances_to_some(*, one: Doubles, others: Floats, which: Sequence[int]) -> Doubles:
    """The definition, of a vector that is in float64 already to some of the others."""
    out = np.empty(len(which))
    step = max(1, EXACT_BYTES // (8 * len(one)))
    differences = _scratch(min(step, len(which)), len(one))
    for start in range(0, len(which), step):
        some = which[start : start + step]
        difference = differences[: len(some)]
        for number, index in enumerate(some):
            np.subtract(others[index], one, out=difference[number])
        _lengths(difference, out=out[start : start + step])
    return out


def _lengths(differences: Doubles, *, out: Doubles) -> None:
    """Of differences that are overwritten; a few at a time stay in the processor's cache."""
    np.multiply(differences, differences, out=differences)
    differences.sum(axis=1, out=out)
    np.sqrt(out, out=out)


_memory = threading.local()


def _scratch(rows: int, columns: int) -> Doubles:
    """Memory of this thread that is used again and again: new memory is cleared page by page."""
    known: Doubles | None = getattr(_memory, "of_thread", None)
    if known is None or known.size < rows * columns:
        known = _memory.of_thread = np.empty(rows * columns)
    return known[: rows * columns].reshape(rows, columns)


def euclidean_matrix(queries: Floats, rows: Floats) -> Doubles:
    return np.stack([euclidean_distances(query=query, rows=rows) for query in queries])


def city_block_matrix(queries: Floats, rows: Floats) -> Doubles:
    """Sum of absolute differences (edge histogram: L1 over its 80 levels)."""
    from scipy.spatial.distance import cdist

    distances: Doubles = cdist(queries.astype(np.float64), rows.astype(np.float64), "cityblock")
    return distances


# Weights of the colour layout distance: of Y, Cb and Cr in zig-zag order.
LAYOUT_WEIGHTS = (
    np.array([2, 2, 2, 1, 1, 1, 1, 1, 1, 1], dtype=np.float64),
    np.array([2, 1, 1], dtype=np.float64),
    np.array([4, 2, 2], dtype=np.float64),
)


def colour_layout_matrix(queries: Floats, rows: Floats) -> Doubles:
    """sqrt(sum wY dY²) + sqrt(sum wCb dCb²) + sqrt(sum wCr dCr²), 10 + 3 + 3 values."""
    from scipy.spatial.distance import cdist

    total = np.zeros((len(queries), len(rows)))
    start = 0
    for weights in LAYOUT_WEIGHTS:
        part = slice(start, start + len(weights))
        start += len(weights)
        total += np.sqrt(
            cdist(
                queries[:, part].astype(np.float64),
                rows[:, part].astype(np.float64),
                "sqeuclidean",
                w=weights,
            )
        )
    return total


def tanimoto_matrix(queries: Floats, rows: Floats) -> Doubles:
    """100 - 100 x.y / (x.x + y.y - x.y), 0..100, of vectors scaled to the sum 1 (FCTH, CEDD).

    Both zero: 0; one zero: 100. The values are levels, whole numbers from 0 on: multiplied by
    the sums instead of divided, all up to the last division is exact, so equal distances are
    equal numbers and a product of matrices may sum in any order.
    """
    asked, given = queries.astype(np.float64), rows.astype(np.float64)
    of_asked, of_given = asked.sum(axis=1)[:, None], given.sum(axis=1)
    dots: Doubles = asked @ given.T
    dots *= of_asked
    dots *= of_given
    squares = np.square(asked).sum(axis=1)[:, None] * np.square(of_given)
    squares += np.square(of_asked) * np.square(given).sum(axis=1)
    squares -= dots
    dots = np.subtract(squares, dots, out=dots)
    dots *= 100
    with np.errstate(invalid="ignore"):  # 0 / 0
        distances: Doubles = np.divide(dots, squares, out=dots)
    distances[(of_asked > 0) & (of_given == 0)] = 100.0
    distances[(of_asked == 0) & (of_given > 0)] = 100.0
    distances[(of_asked == 0) & (of_given == 0)] = 0.0
    return distances


def city_block(
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
    """Nearest rows by L1 distance; see `Search`."""
    check(queries=queries, shards=shards, eligible=eligible, own=own, k=k)
    return by_definition(
        city_block_matrix, queries, shards, first, eligible, own, k, memory, on_rows, block_rows
    )


def tanimoto(
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
    """Nearest rows by Tanimoto distance; see `Search`."""
    check(queries=queries, shards=shards, eligible=eligible, own=own, k=k)
    return by_definition(
        tanimoto_matrix, queries, shards, first, eligible, own, k, memory, on_rows, block_rows
    )


def colour_layout(
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
    """Nearest rows by the weighted colour layout distance; see `Search`."""
    check(queries=queries, shards=shards, eligible=eligible, own=own, k=k)
    return by_definition(
        colour_layout_matrix, queries, shards, first, eligible, own, k, memory, on_rows, block_rows
    )


def by_definition(
    matrix: Matrix,
    queries: Floats,
    shards: Sequence[Floats],
    first: int,
    eligible: npt.NDArray[np.bool_],
    own: Ordinals,
    k: int,
    memory: int,
    on_rows: OnRows | None,
    block_rows: int | None,
) -> list[Neighbours]:
    """Compute every distance as it is defined, block by block, and keep the best `k`."""
    count, dimensions = queries.shape
    group = int(max(1, min(count, memory / 3 // (16 * dimensions + 48 * k))))
    rows = block_rows or rows_of_a_block(
        memory=memory, per_row=24 * dimensions + 32 * group, dimensions=dimensions
    )
    results: list[Neighbours] = []
    for start in range(0, count, group):
        some = queries[start : start + group]
        told = Told(on_rows, passes=-(-count // group), before=start // group)
        best = [merged([], k=k) for _ in some]
        at = first
        for shard in shards:
            for row in range(0, len(shard), rows):
                block = shard[row : row + rows]
                allowed = eligible[at - first + row : at - first + row + len(block)]
                with np.errstate(invalid="ignore"):
                    distances = matrix(some, block)
                distances[:, ~allowed] = np.nan
                distances[np.isinf(distances)] = np.nan  # a row that is not finite
                ordinals = np.arange(at + row, at + row + len(block), dtype=np.int64)
                for index, line in enumerate(distances):
                    enough = len(best[index].distances) == k
                    # Later rows lose ties, so once k are known only nearer ones count.
                    limit = best[index].distances[-1] if enough else np.inf
                    near = line < limit if enough else line <= limit  # never true for NaN
                    near &= ordinals != own[start + index]
                    if near.any():
                        new = Neighbours(ordinals[near], line[near])
                        best[index] = merged([best[index], new], k=k)
                told.add(rows=len(block), of=len(eligible))
            at += len(shard)
        results += best
    return results
