"""Vectors of pictures that are no rows of a collection: queries from outside."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from apps.common.storage import DamagedFileError
from apps.retrieval import registry, selectors
from apps.retrieval.compute.pixels import Pixels, UnreadableError
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction.errors import VersionChangedError
from apps.retrieval.services.extraction.extractors import extracted, load_extractor
from apps.retrieval.services.extraction.learning import arrays_of

Item = TypeVar("Item")
Vectors = dict[str, npt.NDArray[Any]]


class PictureUnreadableError(UnreadableError):
    """One of several pictures has no vector; `number` counts from 0."""

    def __init__(self, number: int, reason: str) -> None:
        super().__init__(reason)
        self.number = number


def vectors_of(
    items: Sequence[Item],
    *,
    opened: Callable[[Item], Pixels],
    spaces: Sequence[FeatureSpace],
    device: str,
    on_progress: Callable[[int], None] = lambda done: None,
) -> Vectors:
    """The vectors of pictures in spaces of one collection, rounded as their shards keep them.

    A learned space's sources are computed too, and its stored model is used. Decoded pictures are
    let go one by one; what extractors keep of each is small.

    Args:
        items: what `opened` makes pixels of.
        opened: item -> upright RGB; may raise UnreadableError.
        spaces: in the versions that this machine computes.
        device: `auto`, `cpu` or `cuda`.
        on_progress: told how many pictures are done.

    Returns:
        Name of space -> (items, dimensions), in the type of its shards.

    Raises:
        PictureUnreadableError: a picture cannot be read, or has no finite vector.
        WeightsMissingError, NoSuchDeviceError: an extractor cannot run here.
        VersionChangedError: an extractor computes another version here, or a model is gone.
    """
    if not items:
        return {}  # no extractor, so no weights either
    extractors, learned = _needed(spaces=spaces, device=device)
    rows: dict[str, list[npt.NDArray[Any]]] = {
        name: [] for _, names in extractors for name in names
    }
    waiting: list[list[Any]] = [[] for _ in extractors]

    def run(number: int) -> None:
        extractor, names = extractors[number]
        if waiting[number]:
            for name, found in extracted(extractor, waiting[number], spaces=names).items():
                rows[name].append(found.astype(registry.space_of(name=name).dtype))
            waiting[number] = []

    for done, item in enumerate(items):
        try:
            picture = opened(item)
            for number, (extractor, names) in enumerate(extractors):
                waiting[number].append(extractor.prepare(picture, spaces=names))
                if len(waiting[number]) >= extractor.batch_size:
                    run(number)
        except UnreadableError as error:
            raise PictureUnreadableError(done, str(error)) from error
        on_progress(done + 1)
    for number in range(len(extractors)):
        run(number)
    found = {name: np.concatenate(blocks) for name, blocks in rows.items() if blocks}
    for entry, model in learned:
        sources = {name: found[name].astype(np.float32) for name in entry.sources}
        computed = entry.make().transform(sources=sources, model=model)
        for space in entry.spaces:
            found[space.name] = computed[space.name].astype(space.dtype)
    asked = {space.name for space in spaces}
    for name in asked & set(found):
        if not (finite := np.isfinite(found[name]).all(axis=1)).all():
            raise PictureUnreadableError(int(np.argmin(finite)), "its features are not finite")
    return {name: array for name, array in found.items() if name in asked}


def _needed(
    *, spaces: Sequence[FeatureSpace], device: str
) -> tuple[list[tuple[Any, list[str]]], list[tuple[registry.LearnedEntry, Any]]]:
    """Loaded extractors with the spaces wanted of each, and learned entries with their models."""
    versions: dict[str, str] = {}
    learned: dict[str, tuple[registry.LearnedEntry, Any]] = {}
    wanted: dict[str, list[str]] = {}
    for space in spaces:
        entry = registry.producer_of(space=space.name)
        names = [space.name]
        if isinstance(entry, registry.LearnedEntry):
            model = selectors.learned_model(
                collection=space.collection, name=entry.name, version=space.version
            )
            if model is None:
                raise DamagedFileError(
                    f"The model of {space.name} is gone: run extract_features to learn it again."
                )
            learned[entry.name] = (entry, arrays_of(model=model))
            names = list(entry.sources)
            versions |= model.provenance["sources"]
        else:
            versions[space.name] = space.version
        for name in names:
            source = registry.producer_of(space=name)
            if name not in wanted.setdefault(source.name, []):
                wanted[source.name].append(name)
    extractors = []
    for extractor_name, names in wanted.items():
        extractor = load_extractor(
            entry=registry.extractor_named(name=extractor_name), device=device
        )
        for name in names:
            here = selectors.bounded(registry.space_of(name=name).version(extractor.version))
            if versions[name] != here:
                raise VersionChangedError(
                    f"The space {name} was computed as {versions[name]}, and here it would be as "
                    f"{here}: run extract_features again."
                )
        extractors.append((extractor, names))
    return extractors, list(learned.values())
