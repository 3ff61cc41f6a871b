"""Start the job that computes feature spaces: a part for every shard of every extractor."""

from collections.abc import Sequence
from datetime import datetime

from django.conf import settings
from django.db import transaction

from apps.catalog.models import Collection
from apps.jobs.models import Job
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.compute import weights
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction.errors import (
    NoSuchDeviceError,
    NothingToComputeError,
    OtherWorkRunsError,
    WeightsMissingError,
)

DEVICES = ("auto", "cpu", "cuda")


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
