"""Extractors, learned spaces and methods by name.

The web process reads these tables and must never import torch: only workers load what needs
weights.
A new extractor is one file in `compute/extractors/` and one entry in `registry/ours.py`; so is a
method. A learned space is one file in `compute/learned/` and one entry. A backbone of the model hub
is a line of the file that LIKENESS_SPACES names.
"""

from apps.retrieval.registry.entries import (
    BadSpacesFileError,
    ExtractorEntry,
    LearnedEntry,
    MethodEntry,
    Producer,
    SpaceEntry,
    UnknownMethodError,
    UnknownSpaceError,
)
from apps.retrieval.registry.hub import hub_backbones, hub_methods
from apps.retrieval.registry.ours import METHODS, STRICTER, our_extractors, our_learned

__all__ = [
    "BadSpacesFileError",
    "ExtractorEntry",
    "LearnedEntry",
    "MethodEntry",
    "Producer",
    "SpaceEntry",
    "UnknownMethodError",
    "UnknownSpaceError",
    "extractor_named",
    "extractors",
    "hub_backbones",
    "learned",
    "learned_named",
    "method_names",
    "method_of",
    "methods",
    "producer_of",
    "producers",
    "space_of",
    "spaces",
]


def extractors() -> tuple[ExtractorEntry, ...]:
    return (*our_extractors(), *hub_backbones())


def learned() -> tuple[LearnedEntry, ...]:
    return our_learned()


def methods() -> tuple[MethodEntry, ...]:
    """What is offered to choose from."""
    return (*METHODS, *hub_methods())


def method_names() -> tuple[str, ...]:
    """All names that a study may write."""
    return tuple(method.name for method in (*methods(), *STRICTER))


def producers() -> tuple[Producer, ...]:
    """All that computes spaces, sources before what is learned from them."""
    return (*extractors(), *learned())


def spaces() -> tuple[SpaceEntry, ...]:
    return tuple(space for entry in producers() for space in entry.spaces)


def space_of(*, name: str) -> SpaceEntry:
    for space in spaces():
        if space.name == name:
            return space
    known = ", ".join(space.name for space in spaces())
    raise UnknownSpaceError(
        f"There is no feature space {name!r}; there are {known}.", field="spaces"
    )


def producer_of(*, space: str) -> Producer:
    """What computes the space.

    Raises:
        UnknownSpaceError: nothing does.
    """
    space_of(name=space)
    return next(entry for entry in producers() if space in {one.name for one in entry.spaces})


def extractor_named(*, name: str) -> ExtractorEntry:
    for entry in extractors():
        if entry.name == name:
            return entry
    raise UnknownSpaceError(
        f"There is no extractor {name!r} any more: start the job again.", field="spaces"
    )


def learned_named(*, name: str) -> LearnedEntry:
    return next(entry for entry in learned() if entry.name == name)


def method_of(*, name: str) -> MethodEntry:
    for method in (*methods(), *STRICTER):
        if method.name == name:
            return method
    known = ", ".join(method_names())
    raise UnknownMethodError(f"There is no method {name!r}; there are {known}.", field="methods")
