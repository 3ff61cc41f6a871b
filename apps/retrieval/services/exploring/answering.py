"""The worker's part: the vector of the image in every space, and the nearest of each method."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.core.files.storage import default_storage
from django.utils import timezone

from apps.catalog.imaging import UnreadableImageError, open_upright
from apps.catalog.selectors import open_original
from apps.common.errors import ConflictError, DomainError
from apps.retrieval import registry, selectors
from apps.retrieval.compute.pooling import strictly_decreasing
from apps.retrieval.compute.search import Neighbours, merged
from apps.retrieval.models import Exploration, FeatureSpace
from apps.retrieval.services.exploring.opened import OpenSpaces
from apps.retrieval.services.extraction import load_extractor

logger = logging.getLogger(__name__)

STORED_EVERY = 0.4  # seconds between two answers in part, so that a slow method hides no quick one

_spaces = OpenSpaces()  # of this process


class NoVectorError(ConflictError):
    code = "no_vector"


class TooSlowError(ConflictError):
    code = "too_slow"


def run_exploration(
    *,
    exploration_id: int,
    clock: Callable[[], datetime] = timezone.now,
    spaces: OpenSpaces = _spaces,
) -> None:
    """Answer one exploration, method by method; harmless when run twice.

    What keeps one method from answering (no space, no vector, no time) is said in its place and
    stops no other.
    """
    waiting = Exploration.objects.filter(pk=exploration_id, state=Exploration.State.WAITING)
    if not waiting.update(state=Exploration.State.RUNNING):
        return  # taken by another worker, given up, or swept
    asked = Exploration.objects.select_related("collection", "image").get(pk=exploration_id)
    mine = Exploration.objects.filter(pk=exploration_id, state=Exploration.State.RUNNING)
    rows = selectors.rows_of(collection=asked.collection)
    work = _Work(
        asked=asked,
        rows=rows,
        eligible=selectors.searchable_rows(collection=asked.collection, rows=rows),
        spaces=spaces,
        clock=clock,
    )
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
    rows: int
    eligible: npt.NDArray[np.bool_]
    spaces: OpenSpaces
    clock: Callable[[], datetime]
    extracted: dict[str, npt.NDArray[Any]] = field(default_factory=dict)

    def check_time(self, _: int = 0) -> None:
        if self.clock() > selectors.exploration_ends(exploration=self.asked):
            raise TooSlowError(
                f"Not within {settings.EXPLORATION_SECONDS} s: the space is too large to be "
                "searched at once, or the worker is busy."
            )


def _answer(work: _Work, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "method": name,
        "version": "",
        "ordinals": [],
        "scores": [],
        "error": "",
    }
    try:
        work.check_time()
        method = registry.method_of(name=name)
        space = _complete_space(work, method)
        found = _search(work, method, space)
    except (DomainError, UnreadableImageError) as error:
        return answer | {"error": str(error)}
    except Exception as error:  # one method's failure must not take the others' answers
        logger.exception("Exploration %s: %s failed", work.asked.pk, name)
        return answer | {"error": f"It failed: {type(error).__name__}. See the worker's log."}
    return answer | {
        "version": space.version,
        "ordinals": found.ordinals.tolist(),
        "scores": strictly_decreasing(scores=-found.distances).tolist(),
    }


def _complete_space(work: _Work, method: registry.MethodEntry) -> FeatureSpace:
    space = selectors.current_space(collection=work.asked.collection, name=method.space)
    if space is None or not work.rows or not selectors.is_complete(space=space, rows=work.rows):
        slug = work.asked.collection.slug
        raise NoVectorError(
            f"The feature space {method.space} is not complete: "
            f"run `manage.py extract_features {slug} --space {method.space}`."
        )
    return space


def _search(work: _Work, method: registry.MethodEntry, space: FeatureSpace) -> Neighbours:
    image = work.asked.image
    own = -1 if image is None or image.ordinal is None else image.ordinal
    vector = _vector(work, space).astype(np.float32)[np.newaxis]
    search = method.load()
    found = []
    for start, shards in work.spaces.pieces(space=space, rows=work.rows):
        stop = start + sum(len(shard) for shard in shards)
        [nearest] = search(
            queries=vector,
            shards=shards,
            first=start,
            eligible=work.eligible[start:stop],
            own=np.array([own]),
            k=work.asked.depth,
            memory=settings.SEARCH_MEMORY,
            threads=settings.THREADS or None,
            on_rows=work.check_time,
        )
        found.append(nearest)
    return merged(found, k=work.asked.depth)


def _vector(work: _Work, space: FeatureSpace) -> npt.NDArray[Any]:
    image = work.asked.image
    if image is None or image.ordinal is None:
        return _extracted(work, space)
    row = work.spaces.row(space=space, ordinal=image.ordinal, rows=work.rows)
    if not np.isfinite(row).all():
        reason = selectors.unreadable_reason(space=space, ordinal=image.ordinal)
        raise NoVectorError(
            f"This image has no vector in {space.name}: {reason or 'it could not be read'}."
        )
    return row


def _extracted(work: _Work, space: FeatureSpace) -> npt.NDArray[Any]:
    """The vector of an image from outside, computed as those of the space were."""
    if space.name not in work.extracted:
        entry = registry.extractor_of(space=space.name)
        able = selectors.availability_of(extractor=entry)
        if able.version is None:
            raise NoVectorError(f"An image from outside has no vector here. {able.how}")
        if able.version != space.version:
            raise NoVectorError(
                f"The feature space {space.name} was computed as {space.version}, and an image "
                f"from outside would be as {able.version}: run `manage.py extract_features "
                f"{work.asked.collection.slug} --space {space.name}`."
            )
        extractor = load_extractor(entry=entry, device="auto")
        work.check_time()
        prepared = extractor.prepare(_upright(work.asked))
        # One pass serves all methods that were asked for.
        names = {registry.method_of(name=name).space for name in work.asked.methods}
        its = [one.name for one in entry.spaces if one.name in names]
        found = extractor.extract([prepared], spaces=its)
        work.extracted |= {name: rows[0] for name, rows in found.items()}
    vector = work.extracted[space.name].astype(space.dtype)  # rounded like all others
    if not np.isfinite(vector).all():
        raise NoVectorError(f"The vector of this image in {space.name} is not finite.")
    return vector


def _upright(asked: Exploration) -> npt.NDArray[np.uint8]:
    if asked.image is not None:  # a query of a study that came from outside
        return np.asarray(open_original(image=asked.image))
    with default_storage.open(asked.original) as file:
        upright, _ = open_upright(file.read(), max_pixels=settings.IMPORT_MAX_PIXELS)
    return np.asarray(upright)
