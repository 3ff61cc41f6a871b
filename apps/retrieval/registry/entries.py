"""What an entry of the registry is. Code is named by dotted path and loaded on first use."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

from apps.common.errors import InvalidError
from apps.retrieval.compute.backbones.lines import BackboneSpace


class UnknownSpaceError(InvalidError):
    code = "unknown_space"


class BadSpacesFileError(InvalidError):
    code = "bad_spaces_file"


class UnknownMethodError(InvalidError):
    code = "unknown_method"


@dataclass(frozen=True)
class SpaceEntry:
    """A feature space.

    Attributes:
        dimensions: None where only the computed rows tell.
        dtype: how its shards keep the numbers.
        variant: what decides its numbers beside its extractor's version; a part of its own.
    """

    name: str
    title: str
    dimensions: int | None
    dtype: str = "float32"
    variant: str = ""

    def version(self, producer: str) -> str:
        """The space's version, given that of what computes it."""
        return f"{producer}/{self.variant}" if self.variant else producer


@dataclass(frozen=True)
class ExtractorEntry:
    """What computes one or more spaces from the same work.

    Attributes:
        path: dotted path of the class.
        needs_weights: it is a backbone: it takes a device and weights.
        lines: of LIKENESS_SPACES, all of one model and one preprocessing; empty for our own.
    """

    name: str
    path: str
    spaces: tuple[SpaceEntry, ...]
    needs_weights: bool = False
    lines: tuple[BackboneSpace, ...] = ()

    def load(self) -> Any:
        return loaded(self.path)


@dataclass(frozen=True)
class LearnedEntry:
    """What computes spaces from other spaces after it learned a model on the whole collection.

    Attributes:
        path: dotted path of a class like `apps.retrieval.compute.learned.base.Learner`; its module
            imports nothing heavy, because its `version` is read by the web process.
        sources: the spaces it is computed from; extractors compute them.
        options: what the class is made with, by name; its version says what decides numbers.
    """

    name: str
    path: str
    sources: tuple[str, ...]
    spaces: tuple[SpaceEntry, ...]
    options: tuple[tuple[str, Any], ...] = ()

    def load(self) -> Any:
        return loaded(self.path)

    def make(self) -> Any:
        """An instance."""
        return self.load()(**dict(self.options))


Producer = ExtractorEntry | LearnedEntry


@dataclass(frozen=True)
class MethodEntry:
    """A space searched in one way; `services.searches.search_of` gives its search.

    Attributes:
        search: dotted path of a function with the signature of
            `apps.retrieval.compute.search.Search`.
        options: further arguments of that function, by name.
        uses_model: it is also given the `model` of its space, which is a learned one.
    """

    name: str
    title: str
    space: str
    search_title: str
    description: str
    search: str
    options: tuple[tuple[str, Any], ...] = ()
    uses_model: bool = False

    def load(self) -> Any:
        return loaded(self.search)


def loaded(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)
