"""Write a feature space into one file that NumPy reads."""

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from apps.catalog.models import Collection, Image
from apps.common.errors import InvalidError
from apps.common.storage import published
from apps.retrieval import registry, selectors
from apps.retrieval.compute.learned.words import WORD, spelled
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.pools import SpaceNotReadyError

ROWS_AT_ONCE = 512


class BadOutputError(InvalidError):
    code = "bad_output"


@dataclass(frozen=True)
class Exported:
    """How many vectors were written, and how many images were left out and why."""

    rows: int
    dimensions: int
    excluded: int
    missing: int


def export_features(
    *, collection: Collection, space: str, path: Path, with_excluded: bool = False
) -> Exported:
    """Write arrays `image_id` (n,) and `vectors` (n, d), in the order of the collection.

    Cluster words come as text too, `words` (n, 5).

    Images that were screened out are left out unless `with_excluded`; images that could not be
    read have no vector and are always left out. The file appears under its name when it is
    whole. The vectors keep the type in which the space stores them (float32 or float16).

    Raises:
        UnknownSpaceError: no such space.
        SpaceNotReadyError: not complete for this collection.
        BadOutputError: the path is a folder, or does not end in .npz.
        DamagedFileError: a shard differs from its checksum.
    """
    registry.space_of(name=space)
    if path.suffix != ".npz" or path.is_dir():
        raise BadOutputError(f"--out must be a file that ends in .npz, not {path}.", field="out")
    rows = selectors.rows_of(collection=collection)
    found = selectors.current_space(collection=collection, name=space)
    if found is None or not rows or not selectors.is_complete(space=found, rows=rows):
        raise SpaceNotReadyError(
            f"The feature space {space} of {collection.slug} is not complete: "
            f"run `manage.py extract_features {collection.slug} --space {space}`."
        )
    members = Image.objects.members().filter(collection=collection, ordinal__lt=rows)
    chosen = members if with_excluded else members.filter(excluded="")
    names = {
        ordinal: image_id
        for ordinal, image_id in chosen.values_list("ordinal", "image_id")
        if ordinal is not None  # members have one
    }
    gone = {
        ordinal
        for missing in selectors.shards_of(space=found).values_list("missing", flat=True)
        for ordinal, _ in missing
    }
    keep = np.array(sorted(set(names) - gone), dtype=np.int64)
    image_id = np.array([names[ordinal] for ordinal in keep.tolist()], dtype=np.str_)
    with published(path) as file:
        _write(file, found, keep, image_id)
    return Exported(
        rows=len(keep),
        dimensions=found.dimensions,
        excluded=members.count() - len(names),
        missing=len(gone & set(names)),
    )


def _write(
    file: IO[bytes],
    space: FeatureSpace,
    keep: npt.NDArray[np.int64],
    image_id: npt.NDArray[np.str_],
) -> None:
    """An .npz whose vectors stream through: memory does not grow with the collection."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        with archive.open(_entry("image_id.npy"), "w") as out:
            npy.write_array(out, image_id, allow_pickle=False)
        with archive.open(_entry("vectors.npy"), "w", force_zip64=True) as out:
            header = {
                "descr": npy.dtype_to_descr(np.dtype(space.dtype)),
                "fortran_order": False,
                "shape": (len(keep), space.dimensions),
            }
            npy.write_array_header_1_0(out, header)
            for rows in _rows(space, keep):
                out.write(np.ascontiguousarray(rows).tobytes())
        if space.name == "cw":
            with archive.open(_entry("words.npy"), "w", force_zip64=True) as out:
                header = {
                    "descr": npy.dtype_to_descr(WORD),
                    "fortran_order": False,
                    "shape": (len(keep), space.dimensions),
                }
                npy.write_array_header_1_0(out, header)
                for rows in _rows(space, keep):
                    out.write(spelled(rows).tobytes())


def _entry(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name)  # a fixed date: the same vectors give the same bytes


def _rows(
    space: FeatureSpace, keep: npt.NDArray[np.int64]
) -> Iterator[npt.NDArray[np.floating[Any]]]:
    for shard in selectors.shards_of(space=space):
        stop = shard.start + shard.rows
        inside = keep[(keep >= shard.start) & (keep < stop)] - shard.start
        if not len(inside):
            continue
        with selectors.opened_rows(space=space, start=shard.start, stop=stop) as (array,):
            for start in range(0, len(inside), ROWS_AT_ONCE):
                yield array[inside[start : start + ROWS_AT_ONCE]]
