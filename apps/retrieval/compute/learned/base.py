"""What a learned space is made of: `learn` once on a collection, `transform` row by row.

No module here may import torch, faiss or scikit-learn when it is loaded (import them inside
`learn` or `transform`): the web process reads `version`.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Model = Mapping[str, Array]


class Rows(Protocol):
    """A source space of a whole collection, read block by block: it may not fit in memory."""

    count: int
    dimensions: int

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        """Yield (first ordinal, rows) in the order of ordinals; missing rows are NaN.

        May be called again, and then gives the same blocks.
        """
        ...


class Learner(Protocol):
    """Both methods are deterministic: the same rows give the same model, whoever learns it."""

    name: str
    version: str  # raise it whenever the model or the numbers change

    def learn(
        self,
        *,
        sources: Mapping[str, Rows],
        ordinals: npt.NDArray[np.int64],
        progress: Callable[[int], None],
    ) -> dict[str, Array]:
        """Learn from the whole collection.

        Args:
            sources: by name of space.
            ordinals: ascending, of the images that have a row in every source; at least one.
            progress: told how many images are done; raises when the job was cancelled.

        Returns:
            The model, kept as an .npz: plain arrays, no objects.
        """
        ...

    def transform(self, *, sources: Mapping[str, Array], model: Model) -> dict[str, Array]:
        """Rows (n, d) of every source to rows (n, d') of every space; none of them is missing.

        A row's result depends on that row and the model only.
        """
        ...


def rows_in(
    rows: Rows, *, ordinals: npt.NDArray[np.int64]
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Yield (images read so far, their rows) block by block, with only `ordinals` in them."""
    for first, block in rows.blocks():
        low, high = np.searchsorted(ordinals, [first, first + len(block)])
        if high > low:
            yield first + len(block), block[ordinals[low:high] - first]
