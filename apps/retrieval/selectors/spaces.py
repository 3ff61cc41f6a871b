"""What spaces a collection has, how they stand and whether this machine can compute them."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db.models import Max, QuerySet, Sum

from apps.catalog.models import Collection, Image
from apps.jobs.models import Job
from apps.retrieval import registry
from apps.retrieval.compute import weights
from apps.retrieval.compute.backbones.files import Backbone, find_backbone
from apps.retrieval.models import FeatureSpace, LearnedModel, Shard

EXTRACT = "extract_features"
VERSION_LENGTH = 100  # of `FeatureSpace.version`


def extraction_target(*, collection: Collection) -> str:
    return f"collection:{collection.slug}"


def rows_of(*, collection: Collection) -> int:
    """How many rows every space of the collection has when complete: ordinals 0..N-1."""
    last = Image.objects.filter(collection=collection).aggregate(last=Max("ordinal"))["last"]
    return 0 if last is None else last + 1


@dataclass(frozen=True)
class Availability:
    """Whether this machine can compute a space: its version, or why not and what to do."""

    version: str | None
    reason: str = ""
    how: str = ""


def availability_of(*, extractor: registry.ExtractorEntry) -> Availability:
    """Ask this machine only: no network, no torch."""
    if not extractor.needs_weights:
        return Availability(version=extractor.load().version)
    found: weights.Weights | Backbone
    try:
        found = weights_of(extractor=extractor)
    except weights.WeightsNotFoundError as error:
        return Availability(version=None, reason="Weights not found", how=str(error))
    except weights.WeightsDamagedError as error:
        return Availability(version=None, reason="Weights damaged", how=str(error))
    return Availability(version=found.version)


def weights_of(*, extractor: registry.ExtractorEntry) -> weights.Weights | Backbone:
    """The files of an extractor that needs weights; asks no network.

    Raises:
        WeightsNotFoundError: they are not here.
        WeightsDamagedError: they are not what they should be.
    """
    if extractor.lines:
        line = extractor.lines[0]  # they share model and preprocessing
        return find_backbone(
            folder=settings.WEIGHTS,
            model=line.model,
            preprocessing=line.preprocessing,
            precision=settings.PRECISION,
        )
    return weights.find_weights(
        folder=settings.WEIGHTS, backbone=settings.BACKBONE, precision=settings.PRECISION
    )


def availability_of_space(*, name: str, rows: int) -> Availability:
    """Whether this machine can compute a space of a collection with that many rows.

    Raises:
        UnknownSpaceError: there is no such space.
    """
    entry = registry.producer_of(space=name)
    if isinstance(entry, registry.ExtractorEntry):
        able = availability_of(extractor=entry)
        if able.version is None:
            return able
        version = registry.space_of(name=name).version(able.version)
        return Availability(version=bounded(version))
    versions = []
    for source in entry.sources:
        able = availability_of_space(name=source, rows=rows)
        if able.version is None:
            return able
        versions.append(able.version)
    return Availability(version=learned_version(entry=entry, sources=versions, rows=rows))


def learned_version(*, entry: registry.LearnedEntry, sources: Sequence[str], rows: int) -> str:
    """What decides a learned space's numbers: its code, its sources' versions, the images.

    Images and their order are fixed at import, so their number stands for them.
    """
    return bounded(f"{entry.make().version}-{rows}+{'+'.join(dict.fromkeys(sources))}")


def bounded(version: str) -> str:
    """A version as its row can hold it: what is too long ends in a digest."""
    if len(version) <= VERSION_LENGTH:
        return version
    digest = hashlib.sha256(version.encode()).hexdigest()[:16]
    return f"{version[: VERSION_LENGTH - 17]}~{digest}"


def learned_model(*, collection: Collection, name: str, version: str) -> LearnedModel | None:
    return LearnedModel.objects.filter(collection=collection, name=name, version=version).first()


def current_space(*, collection: Collection, name: str) -> FeatureSpace | None:
    """The newest version of a space that the collection has, complete or not."""
    return FeatureSpace.objects.filter(collection=collection, name=name).order_by("-pk").first()


@dataclass(frozen=True)
class SpaceState:
    """How a space of a collection stands, in words for a person."""

    name: str
    title: str
    dimensions: int | None
    state: str
    reason: str
    how: str
    rows: int
    total: int
    bytes: int
    job: Job | None


def spaces_of(*, collection: Collection) -> list[SpaceState]:
    """Every registered space with its state; a constant number of queries."""
    total = rows_of(collection=collection)
    newest: dict[str, FeatureSpace] = {}
    have: dict[int, int] = {}
    for space in (
        FeatureSpace.objects.filter(collection=collection)
        .annotate(have=Sum("shards__rows"))
        .order_by("pk")
    ):
        newest[space.name] = space
        have[space.pk] = space.have or 0
    gone: Counter[str] = Counter()
    for name, missing in Shard.objects.filter(
        space__in=[space.pk for space in newest.values()]
    ).values_list("space__name", "missing"):
        gone[name] += len(missing)
    job = (
        Job.objects.unfinished()
        .on(extraction_target(collection=collection))
        .filter(kind=EXTRACT)
        .select_related("requested_by")
        .first()
    )
    states = []
    for producer in registry.producers():
        for entry in producer.spaces:
            able = availability_of_space(name=entry.name, rows=total)
            known = newest.get(entry.name)
            rows = have[known.pk] if known else 0
            state, reason, how = _state_in_words(
                collection=collection,
                entry=entry,
                known=known,
                able=able,
                rows=rows,
                total=total,
                gone=gone[entry.name],
            )
            dimensions = (known.dimensions if known else 0) or entry.dimensions
            itemsize = 2 if entry.dtype == "float16" else 4
            states.append(
                SpaceState(
                    name=entry.name,
                    title=entry.title,
                    dimensions=dimensions,
                    state=state,
                    reason=reason,
                    how=how,
                    rows=rows,
                    total=total,
                    bytes=rows * (dimensions or 0) * itemsize,
                    job=job if job and entry.name in job.params.get("spaces", []) else None,
                )
            )
    return states


def _state_in_words(
    *,
    collection: Collection,
    entry: registry.SpaceEntry,
    known: FeatureSpace | None,
    able: Availability,
    rows: int,
    total: int,
    gone: int,
) -> tuple[str, str, str]:
    command = f"manage.py extract_features {collection.slug} --space {entry.name}"
    if total and rows == total:
        if known and able.version and known.version != able.version:
            return "ready", f"Computed as {known.version}, not {able.version}.", f"Run {command}."
        unreadable = f"{gone} of {total} images could not be read." if gone else ""
        return "ready", unreadable, ""
    if able.version is None:
        return "unavailable", able.reason, able.how
    if rows and known and able.version == known.version:
        return "partial", f"{rows} of {total} images.", f"Run {command}."
    if rows:
        return (
            "missing",
            f"Computed for {rows} of {total} images, in another way.",
            f"Run {command}.",
        )
    return (
        "missing",
        "Not computed yet." if total else "The collection has no images.",
        (f"Run {command}." if total else ""),
    )


def is_complete(*, space: FeatureSpace, rows: int) -> bool:
    """Whether the space has shards for the ordinals 0..rows-1 without a gap."""
    at = 0
    for start, number in shards_of(space=space).values_list("start", "rows"):
        if start != at:
            return False
        at += number
    return at >= rows


def shards_of(*, space: FeatureSpace) -> QuerySet[Shard]:
    return Shard.objects.filter(space=space).order_by("start")
