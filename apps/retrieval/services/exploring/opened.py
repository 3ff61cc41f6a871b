"""Spaces that stay open in a worker from one exploration to the next."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from apps.retrieval import selectors
from apps.retrieval.models import FeatureSpace

Rows = list[npt.NDArray[np.floating[Any]]]
Marks = tuple[tuple[int, int, str], ...]


@dataclass(frozen=True)
class _Open:
    marks: Marks  # of its shards: where they start, how many rows, which bytes
    shards: Rows
    nbytes: int
    files: ExitStack


class OpenSpaces:
    """Maps of spaces, checked once and kept; those not used for longest go first.

    All that is kept is within `LIKENESS_SEARCH_MEMORY`. A space that is larger by itself is
    opened piece by piece and closed again. A space whose rows in the database name other shards
    than those opened is opened anew.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[int, _Open] = OrderedDict()

    def pieces(self, *, space: FeatureSpace, rows: int) -> Iterator[tuple[int, Rows]]:
        """Yield (first ordinal, shards) until all `rows` were given; a piece lives until the next.

        Raises:
            DamagedFileError: a shard is missing or differs from its checksum, or rows are missing.
        """
        if _nbytes(space, rows) <= settings.SEARCH_MEMORY:
            yield 0, self._whole(space, rows)
            return
        step = settings.SHARD_ROWS * settings.SEARCH_SHARDS_PER_PART
        for start in range(0, rows, step):
            stop = min(start + step, rows)
            with selectors.opened_rows(space=space, start=start, stop=stop) as shards:
                yield start, shards

    def row(self, *, space: FeatureSpace, ordinal: int, rows: int) -> npt.NDArray[Any]:
        """One image's vector, as it is stored; NaN where it could not be computed."""
        if _nbytes(space, rows) <= settings.SEARCH_MEMORY:
            return _row_of(self._whole(space, rows), ordinal)
        with selectors.opened_rows(space=space, start=ordinal, stop=ordinal + 1) as shards:
            return _row_of(shards, 0)

    def close(self) -> None:
        while self._kept:
            self._kept.popitem()[1].files.close()

    def _whole(self, space: FeatureSpace, rows: int) -> Rows:
        marks = _marks_of(space)
        known = self._kept.pop(space.pk, None)
        if known is not None and (known.marks != marks or sum(map(len, known.shards)) != rows):
            known.files.close()
            known = None
        if known is None:
            nbytes = _nbytes(space, rows)
            self._make_room(nbytes)
            files = ExitStack()
            shards = files.enter_context(selectors.opened_rows(space=space, start=0, stop=rows))
            known = _Open(marks=marks, shards=shards, nbytes=nbytes, files=files)
        self._kept[space.pk] = known
        return known.shards

    def _make_room(self, nbytes: int) -> None:
        while self._kept and self._sum() + nbytes > settings.SEARCH_MEMORY:
            self._kept.popitem(last=False)[1].files.close()

    def _sum(self) -> int:
        return sum(one.nbytes for one in self._kept.values())


def _nbytes(space: FeatureSpace, rows: int) -> int:
    return rows * space.dimensions * np.dtype(space.dtype).itemsize


def _marks_of(space: FeatureSpace) -> Marks:
    return tuple(selectors.shards_of(space=space).values_list("start", "rows", "sha256"))


def _row_of(shards: Rows, ordinal: int) -> npt.NDArray[Any]:
    for shard in shards:
        if ordinal < len(shard):
            row: npt.NDArray[Any] = np.array(shard[ordinal])
            return row
        ordinal -= len(shard)
    raise IndexError(f"there is no row {ordinal}")
