"""Extractors and methods of the backbones that the file of LIKENESS_SPACES names."""

import hashlib
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from apps.retrieval.compute.backbones.lines import BackboneSpace, BadLineError, read_lines
from apps.retrieval.registry.entries import (
    BadSpacesFileError,
    ExtractorEntry,
    MethodEntry,
    SpaceEntry,
)
from apps.retrieval.registry.ours import EUCLIDEAN, our_names


def _hub_backbone(name: str, lines: tuple[BackboneSpace, ...]) -> ExtractorEntry:
    return ExtractorEntry(
        name=name,
        path="apps.retrieval.compute.extractors.backbone.HubBackbone",
        spaces=tuple(
            SpaceEntry(line.name, line.title, None, line.dtype, line.variant) for line in lines
        ),
        needs_weights=True,
        lines=lines,
    )


@lru_cache(maxsize=4)
def _hub_backbones(path: str, _modified_ns: int) -> tuple[ExtractorEntry, ...]:
    """One extractor for all lines that one forward pass serves."""
    groups: dict[tuple[str, str], list[BackboneSpace]] = {}
    try:
        read = read_lines(Path(path))
    except BadLineError as error:
        raise BadSpacesFileError(str(error)) from error
    for line in read:
        how = line.preprocessing.as_json() if line.preprocessing else ""
        groups.setdefault((line.model, how), []).append(line)
    entries: list[ExtractorEntry] = []
    for (model, how), lines in groups.items():
        name = model.replace("/", "--")
        if how:  # the same model may see pictures in several ways
            name += f"~{hashlib.sha256(how.encode()).hexdigest()[:6]}"
        entries.append(_hub_backbone(name, tuple(lines)))
    ours = our_names()
    for entry in entries:
        for space in entry.spaces:
            if space.name in ours:
                raise BadSpacesFileError(
                    f"{Path(path).name}, {space.name}: there is a space or method of that name "
                    "already: choose another."
                )
    return tuple(entries)


def hub_backbones() -> tuple[ExtractorEntry, ...]:
    """The extractors of the file that LIKENESS_SPACES names, read again when it changed.

    Raises:
        BadSpacesFileError: the file cannot be used; the sentence names it and the space.
    """
    if not settings.SPACES:
        return ()
    path = Path(settings.SPACES).expanduser()
    try:
        modified = path.stat().st_mtime_ns
    except OSError as error:
        raise BadSpacesFileError(
            f"LIKENESS_SPACES: {path} cannot be read ({error.strerror})."
        ) from error
    return _hub_backbones(str(path), modified)


def hub_methods() -> tuple[MethodEntry, ...]:
    return tuple(
        MethodEntry(
            line.name,
            line.title,
            line.name,
            "exact Euclidean",
            f"{line.output or line.layer} of {line.model}"
            + (f", {line.aggregate} over its places" if line.aggregate else "")
            + (", of length 1." if line.normalise else "."),
            EUCLIDEAN,
        )
        for entry in hub_backbones()
        for line in entry.lines
    )
