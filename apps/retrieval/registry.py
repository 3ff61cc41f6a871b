"""Extractors, spaces and methods by name. Code is named by dotted path and loaded on first use.

The web process reads this table and must never import torch: only workers load what needs weights.
A new extractor is one file in `compute/extractors/` and one entry here; so is a method. A learned
space is one file in `compute/learned/` and one entry here.
"""

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.common.errors import InvalidError
from apps.retrieval.compute.backbones.lines import BackboneSpace, BadLineError, read_lines
from apps.retrieval.compute.regions import REGIONS
from apps.retrieval.compute.weights import LAST_CHANNELS


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
        return _load(self.path)


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
        return _load(self.path)

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
        return _load(self.search)


def _load(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(import_module(module), name)


_EXTRACTORS = (
    ExtractorEntry(
        name="global",
        path="apps.retrieval.compute.extractors.global_features.GlobalFeatures",
        spaces=(
            SpaceEntry("gf", "Global features", 492),
            SpaceEntry("fcth", "Fuzzy colour and texture", 192),
            SpaceEntry("cedd", "Colour and edge directivity", 144),
            SpaceEntry("ehd", "Edge histogram", 80),
            SpaceEntry("cld", "Colour layout", 16),
            SpaceEntry("gabor", "Gabor moments", 60),
            SpaceEntry("gabor_lire", "Gabor as LIRE computes it", 60),
        ),
    ),
)


def _resnet(channels: int) -> ExtractorEntry:
    """The backbone's spaces; `channels` of its last layer, which differ between backbones."""
    return ExtractorEntry(
        name="resnet",
        path="apps.retrieval.compute.extractors.resnet.ResNetLayer5A",
        spaces=(
            SpaceEntry("r_full", "ResNet layer 5A, full", 25_088, "float16"),
            SpaceEntry("r_sum", "ResNet layer 5A, sum", 512),
            SpaceEntry("r_max", "ResNet layer 5A, max", 512),
            SpaceEntry(
                "r_regions", "ResNet last layer, regional maxima", REGIONS * channels, "float16"
            ),
        ),
        needs_weights=True,
    )


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
    ours = {space.name for entry in (*_EXTRACTORS, _resnet(0)) for space in entry.spaces} | {
        *(space.name for space in _regional_maxima(0).spaces),
        *(method.name for method in _METHODS),
    }
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


def _regional_maxima(channels: int) -> LearnedEntry:
    return LearnedEntry(
        name="r_mac",
        path="apps.retrieval.compute.learned.rmac.RegionalMaxima",
        sources=("r_regions",),
        spaces=(SpaceEntry("r_mac", "ResNet R-MAC", channels),),
    )


def _cluster_words(most: int) -> LearnedEntry:
    return LearnedEntry(
        name="cw",
        path="apps.retrieval.compute.learned.words.ClusterWords",
        sources=("fcth", "cedd", "ehd", "cld", "gabor"),
        spaces=(SpaceEntry("cw", "Cluster words", 5),),
        options=(("most", most),),
    )


_EUCLIDEAN = "apps.retrieval.compute.search.euclidean"
_TANIMOTO = "apps.retrieval.compute.search.tanimoto"
_WORDS = "apps.retrieval.compute.search.cluster_words"
_METHODS = (
    MethodEntry(
        "r_full",
        "ResNet full",
        "r_full",
        "exact Euclidean",
        "Activations of layer 5A at all 7 x 7 places: what is where.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "r_sum",
        "ResNet sum",
        "r_sum",
        "exact Euclidean",
        "Activations of layer 5A summed over the places: how much of what.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "r_max",
        "ResNet max",
        "r_max",
        "exact Euclidean",
        "The strongest activation of each channel of layer 5A: what is anywhere.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "r_mac",
        "ResNet R-MAC",
        "r_mac",
        "exact Euclidean",
        "The strongest activations of the last layer in five regions, whitened by what is common "
        "in the collection: what is where, roughly.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "gf",
        "Global features",
        "gf",
        "exact Euclidean",
        "Colour, edges and texture of the whole image: FCTH, CEDD, EHD, CLD and Gabor moments, "
        "one after another.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "fcth",
        "Fuzzy colour and texture",
        "fcth",
        "exact Tanimoto",
        "Which colours go with which texture (FCTH descriptor).",
        _TANIMOTO,
    ),
    MethodEntry(
        "cedd",
        "Colour and edge directivity",
        "cedd",
        "exact Tanimoto",
        "Which colours go with which direction of edges (CEDD descriptor).",
        _TANIMOTO,
    ),
    MethodEntry(
        "gabor",
        "Gabor moments",
        "gabor",
        "exact Euclidean",
        "Texture: how strongly waves of five lengths and six directions are in the image.",
        _EUCLIDEAN,
    ),
    MethodEntry(
        "cld",
        "Colour layout",
        "cld",
        "exact, MPEG-7 weights",
        "The colours of an 8 x 8 grid (MPEG-7 colour layout descriptor).",
        "apps.retrieval.compute.search.colour_layout",
    ),
    MethodEntry(
        "ehd",
        "Edge histogram",
        "ehd",
        "exact L1",
        "The directions of edges in 4 x 4 fields (MPEG-7 edge histogram descriptor).",
        "apps.retrieval.compute.search.city_block",
    ),
    MethodEntry(
        "cw",
        "Cluster words",
        "cw",
        "boolean, any word",
        "The clusters that an image's five global descriptors are in: more shared ones first, then "
        "rarer ones. May find fewer results than asked for.",
        _WORDS,
        uses_model=True,
    ),
)
# Known by name, but not offered in lists.
_STRICTER = tuple(
    MethodEntry(
        f"cw_{words}",
        f"Cluster words, {words} shared",
        "cw",
        f"boolean, at least {words} words",
        f"As cw, but only images that share at least {words} of the five clusters.",
        _WORDS,
        options=(("min_match", words),),
        uses_model=True,
    )
    for words in range(2, 6)
)


def extractors() -> tuple[ExtractorEntry, ...]:
    return (*_EXTRACTORS, _resnet(LAST_CHANNELS[settings.BACKBONE]), *hub_backbones())


def learned() -> tuple[LearnedEntry, ...]:
    return (
        _cluster_words(settings.CW_CLUSTERS),
        _regional_maxima(LAST_CHANNELS[settings.BACKBONE]),
    )


def methods() -> tuple[MethodEntry, ...]:
    """What is offered to choose from."""
    return _METHODS + tuple(
        MethodEntry(
            line.name,
            line.title,
            line.name,
            "exact Euclidean",
            f"{line.output or line.layer} of {line.model}"
            + (f", {line.aggregate} over its places" if line.aggregate else "")
            + (", of length 1." if line.normalise else "."),
            _EUCLIDEAN,
        )
        for entry in hub_backbones()
        for line in entry.lines
    )


def method_names() -> tuple[str, ...]:
    """All names that a study may write."""
    return tuple(method.name for method in (*methods(), *_STRICTER))


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
    for method in (*methods(), *_STRICTER):
        if method.name == name:
            return method
    known = ", ".join(method_names())
    raise UnknownMethodError(f"There is no method {name!r}; there are {known}.", field="methods")
