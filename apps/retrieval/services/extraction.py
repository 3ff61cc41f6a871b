"""Compute feature spaces: one part is one shard of one extractor, for all of its spaces."""

import platform
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import lru_cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from apps.catalog.imaging import UnreadableImageError
from apps.catalog.models import Collection, Image
from apps.catalog.selectors import NoOriginalError, open_original
from apps.common.errors import ConflictError, InvalidError
from apps.common.storage import DamagedFileError, checked, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.compute import pixels, weights
from apps.retrieval.compute.pipeline import prepared_ahead
from apps.retrieval.models import FeatureSpace, Shard

DEVICES = ("auto", "cpu", "cuda")


class WeightsMissingError(ConflictError):
    code = "weights_not_found"


class NothingToComputeError(ConflictError):
    code = "no_images"


class OtherWorkRunsError(ConflictError):
    code = "job_running"


class NoSuchDeviceError(InvalidError):
    code = "no_such_device"


class VersionChangedError(ConflictError):
    code = "version_changed"


def request_extraction(
    *,
    collection: Collection,
    spaces: Sequence[str],
    device: str,
    requested_at: datetime,
    requested_by_id: int | None = None,
    ask_hub: bool = False,
) -> Job:
    """Start the job that computes `spaces`, or return the unfinished one that covers them.

    Every shard becomes a part: one that is whole is only compared with its checksum. Without
    names all spaces that this machine can compute are taken; those left out are in the job's
    `params["left_out"]` with the reason.

    Args:
        collection: whose images.
        spaces: names; empty means all that can be computed here.
        device: `auto`, `cpu` or `cuda`, for the extractors that can use one.
        requested_at: now.
        requested_by_id: the person, or None for a command.
        ask_hub: let the model hub be asked for weights that are not here (takes seconds).

    Raises:
        UnknownSpaceError: a name that is not registered.
        WeightsMissingError: a space asked for by name needs weights that are not here.
        NothingToComputeError: the collection has no images.
        OtherWorkRunsError: other spaces of this collection are being computed.
    """
    if device not in DEVICES:
        raise NoSuchDeviceError(
            f"The device must be auto, cpu or cuda, not {device!r}.", field="device"
        )
    for name in spaces:
        registry.space_of(name=name)
    rows = selectors.rows_of(collection=collection)
    if not rows:
        raise NothingToComputeError(
            f"The collection {collection.slug} has no images yet: import some first."
        )
    chosen, left_out = _choose(spaces=spaces, ask_hub=ask_hub)
    names = [space.name for _, _, its_spaces in chosen for space in its_spaces]
    target = selectors.extraction_target(collection=collection)
    with transaction.atomic():
        parts = []
        for extractor, space_version, its_spaces in chosen:
            ids = [
                FeatureSpace.objects.get_or_create(
                    collection=collection,
                    name=space.name,
                    version=space_version,
                    defaults={
                        "dimensions": space.dimensions,
                        "dtype": space.dtype,
                        "created_at": requested_at,
                    },
                )[0].pk
                for space in its_spaces
            ]
            parts += [
                PartSpec(
                    key=f"{extractor.name}/{start // settings.SHARD_ROWS:05d}",
                    params={
                        "extractor": extractor.name,
                        "version": space_version,
                        "spaces": ids,
                        "start": start,
                        "rows": min(settings.SHARD_ROWS, rows - start),
                        "device": device,
                    },
                    total=min(settings.SHARD_ROWS, rows - start),
                )
                for start in range(0, rows, settings.SHARD_ROWS)
            ]
        job = start_job(
            kind=selectors.EXTRACT,
            target=target,
            title=f"Features of {collection.name}: {', '.join(names)}",
            parts=parts,
            params={"spaces": names, "device": device, "rows": rows, "left_out": left_out},
            unit="images",
            created_at=requested_at,
            requested_by_id=requested_by_id,
        )
        if not set(names) <= set(job.params["spaces"]):
            raise OtherWorkRunsError(
                f"Other features of {collection.slug} are being computed (job {job.pk}): "
                "wait until they are done, then ask again."
            )
    return job


def _choose(
    *, spaces: Sequence[str], ask_hub: bool
) -> tuple[
    list[tuple[registry.ExtractorEntry, str, list[registry.SpaceEntry]]], list[dict[str, str]]
]:
    """The extractors to run with their versions and spaces, and the spaces left out with why."""
    chosen = []
    left_out = []
    for extractor in registry.extractors():
        wanted = [space for space in extractor.spaces if not spaces or space.name in spaces]
        if not wanted:
            continue
        able = selectors.availability_of(extractor=extractor)
        if able.version is None and ask_hub and able.reason == "Weights not found":
            weights.fetch_weights(backbone=settings.BACKBONE)
            able = selectors.availability_of(extractor=extractor)
        if able.version is not None:
            chosen.append((extractor, able.version, wanted))
        elif spaces:
            raise WeightsMissingError(
                f"{', '.join(space.name for space in wanted)} cannot be computed here. {able.how}",
                field="spaces",
            )
        else:
            left_out += [{"space": space.name, "how": able.how} for space in wanted]
    return chosen, left_out


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
    if extractor.version != params["version"]:
        raise VersionChangedError(
            f"The weights or the code changed since this job was started ({params['version']}, "
            f"now {extractor.version}): start it again."
        )
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
        missing=missing,
        start=start,
    ):
        if indices:
            found = extractor.extract(batch, spaces=wanted)
            _refuse_infinite(found=found, indices=indices, missing=missing, start=start)
            for name in wanted:
                arrays[name][indices] = found[name]
        progress(done)
    provenance = _provenance(extractor)
    for space in wanting:
        _publish_shard(
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


def _refuse_infinite(
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
    *, images: Sequence[Image | None], extractor: Any, missing: list[list[Any]], start: int
) -> Iterator[tuple[int, list[int], list[Any]]]:
    """Yield (rows seen so far, row numbers, what the extractor prepared) a batch at a time."""
    indices: list[int] = []
    batch: list[Any] = []
    outcomes = prepared_ahead(
        images,
        prepare=partial(_prepared_or_missing, extractor=extractor),
        workers=settings.LOADERS,
        ahead=3 * extractor.batch_size,
    )
    for row, outcome in enumerate(outcomes):
        if isinstance(outcome, pixels.UnreadableError):
            missing.append([start + row, str(outcome)])
        else:
            indices.append(row)
            batch.append(outcome)
        if len(batch) == extractor.batch_size or row == len(images) - 1:
            yield row + 1, indices, batch
            indices, batch = [], []


def _prepared_or_missing(image: Image | None, *, extractor: Any) -> Any:
    if image is None:
        raise pixels.UnreadableError("no image has this number")
    return prepared_image(image=image, extractor=extractor)


def prepared_image(*, image: Image, extractor: Any) -> Any:
    """Decode an image and reduce it to what the extractor needs.

    Raises:
        UnreadableError: its file is not here, damaged, or not for this extractor.
    """
    try:
        upright = open_original(image=image)
    except (NoOriginalError, DamagedFileError, UnreadableImageError) as error:
        raise pixels.UnreadableError(str(error)) from error
    return extractor.prepare(np.asarray(upright))


def load_extractor(*, entry: registry.ExtractorEntry, device: str) -> Any:
    """The extractor, kept in this process so that the next shard does not load it again.

    Raises:
        WeightsMissingError: neither folder nor hub has the weights, or the file is damaged.
        NoSuchDeviceError: `cuda` was asked for and this machine has none.
    """
    if not entry.needs_weights:
        return _weightless(entry.name)
    try:
        try:
            found = weights.find_weights(folder=settings.WEIGHTS, backbone=settings.BACKBONE)
        except weights.WeightsNotFoundError:
            fetched = weights.fetch_weights(backbone=settings.BACKBONE)
            if fetched is None:
                raise
            found = fetched
        return _deep(entry.name, found, pick_device(device=device), settings.THREADS)
    except (weights.WeightsNotFoundError, weights.WeightsDamagedError) as error:
        raise WeightsMissingError(str(error), field="spaces") from error


@lru_cache(maxsize=8)
def _weightless(name: str) -> Any:
    return registry.extractor_named(name=name).load()()


@lru_cache(maxsize=1)
def _deep(name: str, found: weights.Weights, device: str, threads: int) -> Any:
    return registry.extractor_named(name=name).load()(
        weights=found, device=device, threads=threads or None
    )


def pick_device(*, device: str) -> str:
    """`cpu` or `cuda`; loads torch, so only workers and commands may call it."""
    if device == "cpu":
        return "cpu"
    import torch

    has_one = torch.cuda.is_available()
    if device == "cuda" and not has_one:
        raise NoSuchDeviceError(
            "This machine has no CUDA device that PyTorch can use: take --device cpu or auto.",
            field="device",
        )
    return "cuda" if has_one else "cpu"


def shard_is_whole(*, space: FeatureSpace, start: int, rows: int) -> bool:
    """Whether the shard is there with that many rows and the bytes that its row names."""
    shard = Shard.objects.filter(space=space, start=start, rows=rows).first()
    if shard is None:
        return False
    try:
        with checked(shard.file, sha256=shard.sha256):
            return True
    except DamagedFileError:
        return False


def _publish_shard(
    *,
    space: FeatureSpace,
    start: int,
    array: npt.NDArray[Any],
    missing: list[list[Any]],
    provenance: dict[str, str],
) -> None:
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


def _provenance(extractor: Any) -> dict[str, str]:
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
    results = list(job.parts.values_list("result", flat=True))
    return {
        "spaces": job.params["spaces"],
        "left_out": job.params["left_out"],
        "computed": sum(1 for result in results if result.get("computed")),
        "kept": sum(1 for result in results if not result.get("computed")),
        "missing": max((result.get("missing", 0) for result in results), default=0),
    }
