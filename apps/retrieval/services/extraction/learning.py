"""Learned spaces: the model, one part, and then their shards."""

import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.utils import timezone
from threadpoolctl import threadpool_limits

from apps.common.storage import DamagedFileError, checked, publish
from apps.jobs.models import JobPart
from apps.jobs.registry import Progress
from apps.retrieval import registry, selectors
from apps.retrieval.compute.learned.base import Model
from apps.retrieval.models import FeatureSpace, LearnedModel, Shard
from apps.retrieval.services.extraction.errors import NothingToLearnError, VersionChangedError
from apps.retrieval.services.extraction.shards import (
    provenance_of,
    publish_shard,
    refuse_infinite,
    shard_is_whole,
)

ROWS_AT_ONCE = 512


class StoredRows:
    """A complete space as `apps.retrieval.compute.learned.base.Rows`."""

    def __init__(self, *, space: FeatureSpace, rows: int) -> None:
        self._space = space
        self.count = rows
        self.dimensions = space.dimensions

    def blocks(self) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
        for shard in selectors.shards_of(space=self._space):
            stop = min(shard.start + shard.rows, self.count)
            if stop <= shard.start:
                return
            with selectors.opened_rows(space=self._space, start=shard.start, stop=stop) as (array,):
                for start in range(0, len(array), ROWS_AT_ONCE):
                    block = array[start : start + ROWS_AT_ONCE].astype(np.float32)
                    yield shard.start + start, block


def learn_model(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Learn the model of a learned space on its whole collection, unless it is there already.

    Raises:
        NothingToLearnError: no image has a row in every source.
        VersionChangedError: the code changed since the job was started.
    """
    params = part.params
    learner, sources = _learner(params), _spaces(params["sources"])
    collection, rows = sources[0].collection, params["rows"]
    expected = selectors.learned_version(
        entry=registry.learned_named(name=params["learned"]),
        sources=[source.version for source in sources],
        rows=rows,
    )
    if expected != params["version"]:
        raise VersionChangedError(
            f"The code of {learner.name} changed since this job was started "
            f"({params['version']}, now {expected}): start it again."
        )
    known = selectors.learned_model(
        collection=collection, name=learner.name, version=params["version"]
    )
    if known is not None and _is_whole(known):
        return {"model": known.sha256, "learned": False}
    gone = {
        ordinal
        for missing in Shard.objects.filter(space__in=sources).values_list("missing", flat=True)
        for ordinal, _ in missing
    }
    ordinals = np.array(sorted(set(range(rows)) - gone), dtype=np.int64)
    if not len(ordinals):
        raise NothingToLearnError(
            f"{learner.name} has nothing to learn from: no image of {collection.slug} could be "
            f"read in {', '.join(source.name for source in sources)}."
        )
    with threadpool_limits(settings.THREADS or None):
        arrays = learner.learn(
            sources={source.name: StoredRows(space=source, rows=rows) for source in sources},
            ordinals=ordinals,
            progress=progress,
        )
    name = f"features/{collection.pk}/{learner.name}-{params['spaces'][0]}/model.npz"
    with tempfile.TemporaryFile() as file:
        np.savez(file, allow_pickle=False, **arrays)
        file.seek(0)
        sha256 = publish(name, file)
    LearnedModel.objects.update_or_create(
        collection=collection,
        name=learner.name,
        version=params["version"],
        defaults={
            "file": name,
            "sha256": sha256,
            "provenance": {
                **provenance_of(learner),
                "sources": {source.name: source.version for source in sources},
                "images": len(ordinals),
            },
            "created_at": timezone.now(),
        },
    )
    return {"model": sha256, "learned": True}


def transform_shard(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Compute one shard of learned spaces from the shards of their sources and the model."""
    params = part.params
    start, rows = params["start"], params["rows"]
    learner, sources = _learner(params), _spaces(params["sources"])
    spaces = _spaces(params["spaces"])
    model = selectors.learned_model(
        collection=spaces[0].collection, name=learner.name, version=params["version"]
    )
    if model is None:
        raise DamagedFileError(f"The model of {learner.name} is gone: start the job again.")
    wanting = [
        space
        for space in spaces
        if not shard_is_whole(space=space, start=start, rows=rows, model=model.sha256)
    ]
    if not wanting:
        return {"computed": [], "kept": [space.name for space in spaces]}
    arrays = {
        space.name: np.full((rows, space.dimensions), np.nan, dtype=space.dtype)
        for space in wanting
    }
    missing = _missing_of(sources=sources, start=start, stop=start + rows)
    for at in range(start, start + rows, ROWS_AT_ONCE):
        stop = min(at + ROWS_AT_ONCE, start + rows)
        here = [row for row in range(at - start, stop - start) if start + row not in missing]
        if here:
            found = learner.transform(
                sources={
                    source.name: _rows(source, at=at, stop=stop)[np.array(here) - (at - start)]
                    for source in sources
                },
                model=arrays_of(model=model),
            )
            late: list[Any] = []
            refuse_infinite(found=found, indices=here, missing=late, start=start)
            missing |= dict(late)
            for space in wanting:
                arrays[space.name][here] = found[space.name]
        progress(stop - start)
    provenance = {**provenance_of(learner), "model": model.sha256}
    for space in wanting:
        publish_shard(
            space=space,
            start=start,
            array=arrays[space.name],
            missing=[[ordinal, missing[ordinal]] for ordinal in sorted(missing)],
            provenance=provenance,
        )
    return {
        "computed": list(arrays),
        "kept": [space.name for space in spaces if space.name not in arrays],
        "missing": len(missing),
    }


def _learner(params: dict[str, Any]) -> Any:
    return registry.learned_named(name=params["learned"]).make()


def _spaces(keys: Sequence[int]) -> list[FeatureSpace]:
    """The spaces in the order of their keys, which is that of the registry's entry."""
    found = FeatureSpace.objects.select_related("collection").in_bulk(keys)
    return [found[key] for key in keys]


def _rows(space: FeatureSpace, *, at: int, stop: int) -> npt.NDArray[np.float32]:
    with selectors.opened_rows(space=space, start=at, stop=stop) as arrays:
        return np.concatenate([array.astype(np.float32) for array in arrays])


def _missing_of(*, sources: Sequence[FeatureSpace], start: int, stop: int) -> dict[int, str]:
    """The rows that a source has not, with the first source's reason."""
    missing: dict[int, str] = {}
    for source in sources:
        for listed in (
            selectors.shards_of(space=source)
            .filter(start__lt=stop)
            .values_list("missing", flat=True)
        ):
            for ordinal, reason in listed:
                if start <= ordinal < stop:
                    missing.setdefault(ordinal, reason)
    return missing


def _is_whole(model: LearnedModel) -> bool:
    try:
        with checked(model.file, sha256=model.sha256):
            return True
    except DamagedFileError:
        return False


def arrays_of(*, model: LearnedModel) -> Model:
    """A model's arrays, kept in this process so that the next shard does not read them again.

    Raises:
        DamagedFileError: the file is missing or differs from its checksum.
    """
    return _arrays(model.file, model.sha256)


@lru_cache(maxsize=4)
def _arrays(file: str, sha256: str) -> Model:
    try:
        with checked(file, sha256=sha256) as opened, np.load(opened, allow_pickle=False) as content:
            return {name: content[name] for name in content.files}
    except DamagedFileError as error:
        raise DamagedFileError(f"{error} Run extract_features to learn it again.") from error
