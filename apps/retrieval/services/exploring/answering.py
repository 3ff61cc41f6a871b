"""The worker's part: the vector of the image in every space, and the nearest of each method."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.catalog.imaging import UnreadableImageError, open_upright
from apps.common.errors import ConflictError, DomainError
from apps.retrieval import registry, selectors
from apps.retrieval.compute.fusion import Ranked, fused
from apps.retrieval.compute.pixels import Pixels, UnreadableError
from apps.retrieval.compute.pooling import strictly_decreasing
from apps.retrieval.compute.search import merged
from apps.retrieval.fusions import Fusion, fusion_of, is_fusion
from apps.retrieval.models import Exploration, FeatureSpace
from apps.retrieval.services.extraction import opened_pixels, vectors_of
from apps.retrieval.services.searches import search_of
from apps.studies.services import RANKING_DEPTH

logger = logging.getLogger(__name__)

STORED_EVERY = 0.4  # seconds between two answers in part, so that a slow method hides no quick one


class NoVectorError(ConflictError):
    code = "no_vector"


class TooSlowError(ConflictError):
    code = "too_slow"


def run_exploration(*, exploration_id: int, clock: Callable[[], datetime] = timezone.now) -> None:
    """Answer one exploration, method by method; harmless when run twice.

    What keeps one method from answering (no space, no vector, no time) is said in its place and
    stops no other.
    """
    waiting = Exploration.objects.filter(pk=exploration_id, state=Exploration.State.WAITING)
    if not waiting.update(state=Exploration.State.RUNNING):
        return  # taken by another worker, given up, or swept
    asked = Exploration.objects.select_related("collection", "image").get(pk=exploration_id)
    mine = Exploration.objects.filter(pk=exploration_id, state=Exploration.State.RUNNING)
    work = _Work(asked=asked, clock=clock)
    results: list[dict[str, Any]] = []
    stored = time.monotonic()
    for name in asked.methods:
        results.append(_answer(work, name))
        if time.monotonic() - stored > STORED_EVERY and name != asked.methods[-1]:
            mine.update(results=results)
            stored = time.monotonic()
    mine.update(results=results, state=Exploration.State.DONE, finished_at=clock())


@dataclass
class _Work:
    """What the methods of one exploration share."""

    asked: Exploration
    clock: Callable[[], datetime]
    ranked: dict[str, Ranked | DomainError] = field(default_factory=dict)
    extracted: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> int:
        return selectors.rows_of(collection=self.asked.collection)

    @cached_property
    def eligible(self) -> npt.NDArray[np.bool_]:
        return selectors.searchable_rows(collection=self.asked.collection, rows=self.rows)

    @property
    def ordinal(self) -> int:
        """Of the image, or -1 when it is no member of the collection."""
        image = self.asked.image
        return -1 if image is None or image.ordinal is None else image.ordinal

    @cached_property
    def depth(self) -> int:
        """As deep as a study keeps its rankings when they are fused: then both fuse the same."""
        fuses = any(is_fusion(name=name) for name in self.asked.methods)
        return max(self.asked.depth, RANKING_DEPTH) if fuses else self.asked.depth

    def check_time(self, _: int = 0) -> None:
        if self.clock() > selectors.exploration_ends(exploration=self.asked):
            raise TooSlowError(
                f"Not within {settings.EXPLORATION_SECONDS} s: the space is too large to be "
                "searched at once, or the worker is busy."
            )


def _answer(work: _Work, name: str) -> dict[str, Any]:
    try:
        found = _fused(work, fusion_of(name=name)) if is_fusion(name=name) else _ranked(work, name)
        error = ""
    except DomainError as refusal:
        found, error = Ranked(np.empty(0, np.int64), np.empty(0)), str(refusal)
    return {
        "method": name,
        "ordinals": found.ordinals[: work.asked.depth].tolist(),
        "scores": found.scores[: work.asked.depth].tolist(),
        "error": error,
    }


def _fused(work: _Work, fusion: Fusion) -> Ranked:
    members = []
    for name in fusion.members:
        try:
            members.append(_ranked(work, name))
        except DomainError as refusal:
            raise type(refusal)(f"Its member {name}: {refusal.sentence}") from refusal
    return fused(members=members, kind=fusion.kind.load(), k=work.depth)


def _ranked(work: _Work, name: str) -> Ranked:
    """A method's ranking, or its refusal, once for itself and the fusions that it is in."""
    if name not in work.ranked:
        try:
            work.check_time()
            work.ranked[name] = _searched(work, registry.method_of(name=name))
        except DomainError as refusal:
            work.ranked[name] = refusal
        except UnreadableError as error:
            work.ranked[name] = NoVectorError(f"This image has no vector: {error}.")
        except Exception as error:  # one method's failure must not take the others' answers
            logger.exception("Exploration %s: %s failed", work.asked.pk, name)
            work.ranked[name] = ConflictError(
                f"It failed ({type(error).__name__}): see the worker's log."
            )
    found = work.ranked[name]
    if isinstance(found, DomainError):
        raise found
    return found


def _searched(work: _Work, method: registry.MethodEntry) -> Ranked:
    """Search in pieces that fit the memory of a search, looking at the clock in between."""
    space = _complete_space(work, method.space)
    vector = _vector(work, space).astype(np.float32)[np.newaxis]
    search = search_of(method=method, space=space)
    bytes_of_a_shard = settings.SHARD_ROWS * space.dimensions * np.dtype(space.dtype).itemsize
    step = settings.SHARD_ROWS * max(1, settings.SEARCH_MEMORY // bytes_of_a_shard)
    found = []
    for start in range(0, work.rows, step):
        stop = min(start + step, work.rows)
        work.check_time()
        with selectors.opened_rows(space=space, start=start, stop=stop) as shards:
            found += search(
                queries=vector,
                shards=shards,
                first=start,
                eligible=work.eligible[start:stop],
                own=np.array([work.ordinal]),
                k=work.depth,
                memory=settings.SEARCH_MEMORY,
                threads=settings.THREADS or None,
                on_rows=work.check_time,
                device="cpu",  # one query: rows would take longer to get to a GPU
            )
    best = merged(found, k=work.depth)
    return Ranked(best.ordinals, strictly_decreasing(scores=-best.distances))


def _complete_space(work: _Work, name: str) -> FeatureSpace:
    space = selectors.current_space(collection=work.asked.collection, name=name)
    if space is None or not work.rows or not selectors.is_complete(space=space, rows=work.rows):
        raise NoVectorError(
            f"The feature space {name} is not complete: "
            f"run `manage.py extract_features {work.asked.collection.slug} --space {name}`."
        )
    return space


def _vector(work: _Work, space: FeatureSpace) -> npt.NDArray[Any]:
    if work.ordinal < 0:
        return _extracted(work, space)
    at = work.ordinal
    with selectors.opened_rows(space=space, start=at, stop=at + 1) as (shard,):
        row: npt.NDArray[Any] = np.array(shard[0])
    if not np.isfinite(row).all():
        reason = selectors.unreadable_reason(space=space, ordinal=at)
        raise NoVectorError(
            f"This image has no vector in {space.name}: {reason or 'it could not be read'}."
        )
    return row


def _extracted(work: _Work, space: FeatureSpace) -> npt.NDArray[Any]:
    """The vector of an image from outside; one pass serves all spaces that are asked for."""
    if refusal := _cannot_extract(work, space):
        raise refusal
    if space.name not in work.extracted:
        together = [one for one in _spaces_asked(work) if not _cannot_extract(work, one)]
        try:
            found = vectors_of([work.asked], opened=_pixels, spaces=together, device="auto")
        except (DomainError, UnreadableError):  # perhaps another space's fault
            found = vectors_of([work.asked], opened=_pixels, spaces=[space], device="auto")
        work.extracted |= {name: rows[0] for name, rows in found.items()}
    return work.extracted[space.name]


def _spaces_asked(work: _Work) -> list[FeatureSpace]:
    names = [
        member
        for name in work.asked.methods
        for member in (fusion_of(name=name).members if is_fusion(name=name) else (name,))
    ]
    spaces = dict.fromkeys(registry.method_of(name=name).space for name in names)
    known = (
        selectors.current_space(collection=work.asked.collection, name=name) for name in spaces
    )
    return [
        space
        for space in known
        if space is not None and selectors.is_complete(space=space, rows=work.rows)
    ]


def _cannot_extract(work: _Work, space: FeatureSpace) -> NoVectorError | None:
    able = selectors.availability_of_space(name=space.name, rows=work.rows)
    if able.version is None:
        return NoVectorError(f"An image from outside has no vector here. {able.how}")
    if able.version != space.version:
        return NoVectorError(
            f"The feature space {space.name} was computed as {space.version}, and an image from "
            f"outside would be as {able.version}: run `manage.py extract_features "
            f"{work.asked.collection.slug} --space {space.name}`."
        )
    return None


def _pixels(asked: Exploration) -> Pixels:
    if asked.image is not None:  # a query of a study, which is no member of the collection
        return opened_pixels(asked.image)
    try:
        with default_storage.open(asked.original) as file:
            upright, _ = open_upright(file.read(), max_pixels=settings.IMPORT_MAX_PIXELS)
    except (FileNotFoundError, UnreadableImageError) as error:
        raise UnreadableError(str(error)) from error
    return np.asarray(upright)
