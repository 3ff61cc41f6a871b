"""What every search shares: the answer, the contract, and blocks within the memory limit."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
Doubles = npt.NDArray[np.float64]
Ordinals = npt.NDArray[np.int64]
OnRows = Callable[[int], None]

DEFAULT_MEMORY = 2 * 2**30
MOST_ROWS = 4096  # of a block,
MOST_BYTES = 2**25  # and its size: a larger one falls out of the processor's cache


@dataclass(frozen=True)
class Neighbours:
    """The answer to one query: `ordinals` best first, with as many ascending `distances`."""

    ordinals: Ordinals
    distances: Doubles


class Search(Protocol):
    """What a method's `search` entry in the registry must be."""

    def __call__(
        self,
        *,
        queries: Floats,
        shards: Sequence[Floats],
        first: int,
        eligible: npt.NDArray[np.bool_],
        own: Ordinals,
        k: int,
        memory: int,
        threads: int | None,
        on_rows: OnRows | None,
        device: str,
    ) -> list[Neighbours]:
        """Search `shards`, whose rows are the ordinals from `first` on.

        Args:
            queries: (queries, dimensions), finite.
            shards: arrays (rows, dimensions), float16 or float32, often mapped from disk.
                A row with a NaN never enters a result.
            first: ordinal of the first row of the first shard.
            eligible: (all rows of `shards`,): rows that may enter a result.
            own: (queries,): the ordinal of the query's own image, left out of its results; -1
                when it is not in the collection.
            k: how many to return, at least 1; fewer are returned when fewer are eligible.
            memory: bytes that the search may take besides the mapped shards.
            threads: how many may work at once; None: one per core.
            on_rows: told how many rows are done; what it raises ends the search.
            device: `cpu` or `cuda`: where rows may be screened. The result is the same.

        Raises:
            ValueError: shapes that do not fit, `k` below 1, a query that is not finite.
        """
        ...


def merged(parts: Sequence[Neighbours], *, k: int) -> Neighbours:
    """The best `k` of several answers to the same query over disjoint rows."""
    if not parts:
        return Neighbours(np.empty(0, np.int64), np.empty(0, np.float64))
    ordinals = np.concatenate([part.ordinals for part in parts])
    distances = np.concatenate([part.distances for part in parts])
    return nearest(ordinals, distances, k=k)


def nearest(ordinals: Ordinals, distances: Doubles, *, k: int) -> Neighbours:
    order = np.lexsort((ordinals, distances))[:k]
    return Neighbours(ordinals[order], distances[order])


def in_float32(rows: Floats) -> Floats:
    """The same numbers in float32, contiguous; float16 is widened (exactly), float32 kept."""
    if rows.dtype == np.float16:
        import torch  # NumPy widens one number at a time, ten times slower

        widened: Floats = torch.from_numpy(np.array(rows)).to(torch.float32).numpy()
        return widened
    return np.ascontiguousarray(rows, dtype=np.float32)


def rows_of_a_block(*, memory: int, per_row: int, dimensions: int) -> int:
    in_cache = MOST_BYTES // (4 * dimensions)
    return int(max(16, min(MOST_ROWS, in_cache, memory / 3 // per_row)))


class Told:
    """Says how far a search of several passes is, as if it were one."""

    def __init__(self, on_rows: OnRows | None, *, passes: int, before: int) -> None:
        self.on_rows = on_rows
        self.passes = passes
        self.before = before
        self.rows = 0

    def add(self, *, rows: int, of: int) -> None:
        self.rows += rows
        if self.on_rows is not None:
            self.on_rows((self.before * of + self.rows) // self.passes)


def check(
    *,
    queries: Floats,
    shards: Sequence[Floats],
    eligible: npt.NDArray[np.bool_],
    own: Ordinals,
    k: int,
) -> None:
    if k < 1:
        raise ValueError(f"k must be at least 1, got {k}")
    if queries.ndim != 2 or any(
        shard.ndim != 2 or shard.shape[1] != queries.shape[1] for shard in shards
    ):
        raise ValueError("queries and shards must be 2-D with the same number of columns")
    if not np.isfinite(queries).all():
        raise ValueError("queries must be finite")
    if len(eligible) != sum(len(shard) for shard in shards) or len(own) != len(queries):
        raise ValueError("eligible must have a value per row and own one per query")
