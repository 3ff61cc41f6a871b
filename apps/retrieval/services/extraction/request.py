"""Start the job that computes feature spaces.

First the extractors: a part for every shard of each. Then every learned space's model, one part
each. Last the learned spaces: a part for every shard of each.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import transaction

from apps.catalog.models import Collection
from apps.jobs.models import Job
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction.errors import (
    NoSuchDeviceError,
    NothingToComputeError,
    OtherWorkRunsError,
    WeightsMissingError,
)
from apps.retrieval.services.extraction.extractors import fetch_weights

DEVICES = ("auto", "cpu", "cuda")
EXTRACT, LEARN, TRANSFORM = 0, 1, 2  # stages


@dataclass(frozen=True)
class _Chosen:
    """What to run: its version here, and the spaces that were wanted of it."""

    entry: registry.Producer
    version: str
    spaces: list[registry.SpaceEntry]


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

    Every shard becomes a part: one that is whole is only compared with its checksum. A learned
    space brings its sources along. Without names all spaces that this machine can compute are
    taken; those left out are in the job's `params["left_out"]` with the reason.

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
    chosen, left_out = _choose(spaces=spaces, rows=rows, ask_hub=ask_hub)
    names = [space.name for one in chosen for space in one.spaces]
    target = selectors.extraction_target(collection=collection)
    with transaction.atomic():
        ids = _spaces_of(collection=collection, chosen=chosen, created_at=requested_at)
        parts: list[PartSpec] = []
        for one in chosen:
            parts += _parts_of(chosen=one, ids=ids, rows=rows, device=device)
        parts.sort(key=lambda part: part.stage)
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


def _spaces_of(
    *, collection: Collection, chosen: Sequence[_Chosen], created_at: datetime
) -> dict[str, int]:
    """The row of every space in its version: name -> primary key."""
    return {
        space.name: FeatureSpace.objects.get_or_create(
            collection=collection,
            name=space.name,
            version=selectors.bounded(space.version(one.version)),
            defaults={
                "dimensions": space.dimensions or 0,  # 0: the first shard will tell
                "dtype": space.dtype,
                "created_at": created_at,
            },
        )[0].pk
        for one in chosen
        for space in one.spaces
    }


def _parts_of(*, chosen: _Chosen, ids: dict[str, int], rows: int, device: str) -> list[PartSpec]:
    entry = chosen.entry
    params: dict[str, Any] = {
        "version": chosen.version,
        "spaces": [ids[space.name] for space in chosen.spaces],
    }
    if isinstance(entry, registry.ExtractorEntry):
        return _shards(
            key=entry.name,
            params={**params, "step": "extract", "extractor": entry.name, "device": device},
            rows=rows,
            stage=EXTRACT,
        )
    params |= {"learned": entry.name, "sources": [ids[name] for name in entry.sources]}
    learn = PartSpec(
        key=f"{entry.name}/learn",
        params={**params, "step": "learn", "rows": rows},
        total=rows,
        stage=LEARN,
    )
    transform = {**params, "step": "transform"}
    return [learn, *_shards(key=entry.name, params=transform, rows=rows, stage=TRANSFORM)]


def _shards(*, key: str, params: dict[str, Any], rows: int, stage: int) -> list[PartSpec]:
    return [
        PartSpec(
            key=f"{key}/{start // settings.SHARD_ROWS:05d}",
            params={**params, "start": start, "rows": min(settings.SHARD_ROWS, rows - start)},
            total=min(settings.SHARD_ROWS, rows - start),
            stage=stage,
        )
        for start in range(0, rows, settings.SHARD_ROWS)
    ]


def _choose(
    *, spaces: Sequence[str], rows: int, ask_hub: bool
) -> tuple[list[_Chosen], list[dict[str, str]]]:
    """What to run, sources before what is learned from them; and what is left out with why."""
    chosen = []
    left_out = []
    wanted = _with_sources(spaces=spaces)
    for entry in registry.producers():
        its_spaces = [space for space in entry.spaces if space.name in wanted]
        if not its_spaces:
            continue
        able = _availability(entry, rows=rows)
        if (
            isinstance(entry, registry.ExtractorEntry)
            and ask_hub
            and able.reason == "Weights not found"
        ):
            fetch_weights(extractor=entry)
            able = _availability(entry, rows=rows)
        if able.version is not None:
            chosen.append(_Chosen(entry, able.version, its_spaces))
        elif spaces:
            refused = {space.name for space in its_spaces}
            named = [name for name in spaces if refused & _with_sources(spaces=[name])]
            raise WeightsMissingError(
                f"{', '.join(named)} cannot be computed here. {able.how}", field="spaces"
            )
        else:
            left_out += [{"space": space.name, "how": able.how} for space in its_spaces]
    return chosen, left_out


def _availability(entry: registry.Producer, *, rows: int) -> selectors.Availability:
    """Of the extractor itself, or of what is learned: both without what a space adds."""
    if isinstance(entry, registry.ExtractorEntry):
        return selectors.availability_of(extractor=entry)
    return selectors.availability_of_space(name=entry.spaces[0].name, rows=rows)


def _with_sources(*, spaces: Sequence[str]) -> set[str]:
    """The spaces and what they are learned from; without names every space there is."""
    wanted = set(spaces) or {space.name for space in registry.spaces()}
    for entry in registry.learned():
        if wanted & {space.name for space in entry.spaces}:
            wanted |= set(entry.sources)
    return wanted
