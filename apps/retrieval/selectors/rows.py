"""The rows of a space, mapped from its shards, and which of them take part."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.catalog.models import Collection, Image
from apps.common.storage import DamagedFileError, local_copies
from apps.retrieval.models import FeatureSpace
from apps.retrieval.selectors.spaces import shards_of


@contextmanager
def opened_rows(
    *, space: FeatureSpace, start: int, stop: int
) -> Iterator[list[npt.NDArray[np.floating[Any]]]]:
    """Shards that hold the rows `start .. stop - 1`, read-only and cut to these rows.

    Every shard is compared with the checksum in its row before any of it is used, once in each
    process. On a local disk it is mapped where it is; from an object store it comes through the
    local cache, whose copies stay while the block runs.

    Raises:
        DamagedFileError: a shard is missing or differs from its checksum, or rows are missing.
    """
    shards = []
    at = start
    for shard in shards_of(space=space).filter(start__lt=stop):
        if shard.start + shard.rows > start:
            if shard.start > at:
                break
            shards.append(shard)
            at = shard.start + shard.rows
    if at < stop:
        raise DamagedFileError(
            f"The space {space.name} has no rows from {at} on: run extract_features again."
        )
    with ExitStack() as stack:
        files = [(shard.file, shard.sha256) for shard in shards]
        try:
            paths = stack.enter_context(local_copies(files))
        except DamagedFileError as error:
            raise DamagedFileError(f"{error} Run extract_features to rebuild it.") from error
        arrays = []
        for shard, path in zip(shards, paths, strict=True):
            array = np.load(path, mmap_mode="r", allow_pickle=False)
            if array.shape != (shard.rows, space.dimensions) or array.dtype != space.dtype:
                raise DamagedFileError(f"The file {shard.file} has the shape {array.shape}.")
            arrays.append(array[max(start - shard.start, 0) : stop - shard.start])
        yield arrays


def searchable_rows(*, collection: Collection, rows: int) -> npt.NDArray[np.bool_]:
    """Which ordinals may enter a result: members that are not screened out; shape (rows,)."""
    eligible = np.zeros(rows, dtype=np.bool_)
    ordinals = (
        Image.objects.searchable()
        .filter(collection=collection, ordinal__lt=rows)
        .order_by()
        .values_list("ordinal", flat=True)
    )
    eligible[np.fromiter(ordinals.iterator(chunk_size=10_000), dtype=np.int64)] = True
    return eligible


def unreadable_reason(*, space: FeatureSpace, ordinal: int) -> str:
    """Why a row of a space is missing, or empty when it is not."""
    for missing in (
        shards_of(space=space).filter(start__lte=ordinal).values_list("missing", flat=True)
    ):
        for number, reason in missing:
            if number == ordinal:
                return str(reason)
    return ""
