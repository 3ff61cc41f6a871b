"""Do a part of an extraction: one shard of one extractor, for all of its spaces."""

import platform
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apps.catalog.models import Image
from apps.common.storage import DamagedFileError, compare, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.retrieval import registry, selectors
from apps.retrieval.compute import pixels
from apps.retrieval.compute.pipeline import prepared_ahead
from apps.retrieval.models import FeatureSpace, Shard
from apps.retrieval.services.extraction.errors import VersionChangedError
from apps.retrieval.services.extraction.extractors import (
    extracted,
    load_extractor,
    prepared_image,
)


def extract_shard(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Compute one shard of an extractor's spaces; spaces whose shard is whole are left alone."""
    params = part.params
    start, rows = params["start"], params["rows"]
    spaces = list(FeatureSpace.objects.filter(pk__in=params["spaces"]).order_by("pk"))
    wanting = [space for space in spaces if not shard_is_whole(space=space, start=start, rows=rows)]
    if not wanting:
        return {"computed": [], "kept": [space.name for space in spaces]}
    extractor = load_extractor(
        entry=registry.extractor_named(name=params["extractor"]), device=params["device"]
    )
    for space in wanting:
        here = selectors.bounded(registry.space_of(name=space.name).version(extractor.version))
        if here != space.version:
            raise VersionChangedError(
                f"The weights, the code or the line of {space.name} changed since this job was "
                f"started ({space.version}, now {here}): start it again."
            )
    _tell_dimensions(spaces=wanting, extractor=extractor)
    images = {
        image.ordinal: image
        for image in Image.objects.filter(
            collection_id=spaces[0].collection_id, ordinal__gte=start, ordinal__lt=start + rows
        ).only("ordinal", "image_id", "original", "sha256")
    }
    arrays = {
        space.name: np.full((rows, space.dimensions), np.nan, dtype=space.dtype)
        for space in wanting
    }
    missing: list[list[Any]] = []
    wanted = list(arrays)
    for done, indices, batch in _batches(
        images=[images.get(start + row) for row in range(rows)],
        extractor=extractor,
        spaces=wanted,
        missing=missing,
        start=start,
    ):
        if indices:
            found = extracted(extractor, batch, spaces=wanted)
            refuse_infinite(found=found, indices=indices, missing=missing, start=start)
            for name in wanted:
                arrays[name][indices] = found[name]
        progress(done)
    provenance = provenance_of(extractor)
    for space in wanting:
        publish_shard(
            space=space,
            start=start,
            array=arrays[space.name],
            missing=sorted(missing),
            provenance=provenance,
        )
    return {
        "computed": wanted,
        "kept": [space.name for space in spaces if space.name not in arrays],
        "missing": len(missing),
    }


def _tell_dimensions(*, spaces: Sequence[FeatureSpace], extractor: Any) -> None:
    """Store the dimensions of spaces whose extractor only tells now."""
    for space in spaces:
        if not space.dimensions:
            space.dimensions = extractor.dimensions[space.name]
            FeatureSpace.objects.filter(pk=space.pk).update(dimensions=space.dimensions)


def refuse_infinite(
    *,
    found: dict[str, npt.NDArray[Any]],
    indices: list[int],
    missing: list[list[Any]],
    start: int,
) -> None:
    """Make a row missing in all spaces when one of them has a number that is none."""
    finite = np.logical_and.reduce([np.isfinite(rows).all(axis=1) for rows in found.values()])
    for number in np.flatnonzero(~finite).tolist():
        missing.append([start + indices[number], "its features are not finite"])
        for rows in found.values():
            rows[number] = np.nan


def _batches(
    *,
    images: Sequence[Image | None],
    extractor: Any,
    spaces: Sequence[str],
    missing: list[list[Any]],
    start: int,
) -> Iterator[tuple[int, list[int], list[Any]]]:
    """Yield (rows seen so far, row numbers, what the extractor prepared) a batch at a time."""
    indices: list[int] = []
    batch: list[Any] = []
    outcomes = prepared_ahead(
        images,
        prepare=partial(_prepared_or_missing, extractor=extractor, spaces=spaces),
        workers=settings.LOADERS,
        ahead=3 * extractor.batch_size,
    )
    for row, outcome in enumerate(outcomes):
        if isinstance(outcome, pixels.UnreadableError):
            missing.append([start + row, str(outcome)])
        else:
            indices.append(row)
            batch.append(outcome)
        # `>=`: a batch that did not fit into the device's memory makes later ones smaller.
        if len(batch) >= extractor.batch_size or row == len(images) - 1:
            yield row + 1, indices, batch
            indices, batch = [], []


def _prepared_or_missing(image: Image | None, *, extractor: Any, spaces: Sequence[str]) -> Any:
    if image is None:
        raise pixels.UnreadableError("no image has this number")
    return prepared_image(image=image, extractor=extractor, spaces=spaces)


def shard_is_whole(*, space: FeatureSpace, start: int, rows: int, model: str = "") -> bool:
    """Whether the shard is there with that many rows and the bytes that its row names.

    Args:
        space: whose shard.
        start: its first ordinal.
        rows: how many it should have.
        model: SHA-256 of the model that it should have been computed with, if any.
    """
    shard = Shard.objects.filter(space=space, start=start, rows=rows).first()
    if shard is None or (model and shard.provenance.get("model") != model):
        return False
    try:
        compare(shard.file, sha256=shard.sha256)
    except DamagedFileError:
        return False
    return True


def publish_shard(
    *,
    space: FeatureSpace,
    start: int,
    array: npt.NDArray[Any],
    missing: list[list[Any]],
    provenance: dict[str, str],
) -> None:
    """Store a shard's file, then its row; the space is complete when no row is missing."""
    name = (
        f"features/{space.collection_id}/{space.name}-{space.pk}/"
        f"shard-{start // settings.SHARD_ROWS:05d}.npy"
    )
    with tempfile.TemporaryFile() as file:
        np.save(file, array, allow_pickle=False)
        file.seek(0)
        sha256 = publish(name, file)
    with transaction.atomic():
        locked = FeatureSpace.objects.select_for_update().get(pk=space.pk)
        Shard.objects.update_or_create(
            space=space,
            start=start,
            defaults={
                "rows": len(array),
                "file": name,
                "sha256": sha256,
                "missing": missing,
                "provenance": provenance,
            },
        )
        locked.rows = Shard.objects.filter(space=space).aggregate(n=Sum("rows"))["n"]
        complete = locked.rows == selectors.rows_of(collection=space.collection)
        locked.completed_at = timezone.now() if complete else None
        locked.save(update_fields=["rows", "completed_at"])


def provenance_of(extractor: Any) -> dict[str, str]:
    """What computed a shard: code, device, packages."""
    packages = {}
    for package in ("numpy", "pillow", "torch", "transformers"):
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            continue
    return {
        "device": str(getattr(extractor, "device", "cpu")),
        "extractor": extractor.version,
        "machine": platform.machine(),
        **packages,
    }


def finish_extraction(job: Job) -> dict[str, Any]:
    """Sum up what was computed, kept and could not be read."""
    results = [
        result for result in job.parts.values_list("result", flat=True) if "computed" in result
    ]
    return {
        "spaces": job.params["spaces"],
        "left_out": job.params["left_out"],
        "computed": sum(1 for result in results if result.get("computed")),
        "kept": sum(1 for result in results if not result.get("computed")),
        "missing": max((result.get("missing", 0) for result in results), default=0),
    }
