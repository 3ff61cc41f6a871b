"""The tables: a new extractor, learned space or method of our own is one entry here."""

from django.conf import settings

from apps.retrieval.compute.regions import REGIONS
from apps.retrieval.compute.weights import LAST_CHANNELS
from apps.retrieval.registry.entries import (
    ExtractorEntry,
    LearnedEntry,
    MethodEntry,
    Producer,
    SpaceEntry,
)

EXTRACTORS = (
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


EUCLIDEAN = "apps.retrieval.compute.search.euclidean"
_TANIMOTO = "apps.retrieval.compute.search.tanimoto"
_WORDS = "apps.retrieval.compute.search.cluster_words"
METHODS = (
    MethodEntry(
        "r_full",
        "ResNet full",
        "r_full",
        "exact Euclidean",
        "Activations of layer 5A at all 7 x 7 places: what is where.",
        EUCLIDEAN,
    ),
    MethodEntry(
        "r_sum",
        "ResNet sum",
        "r_sum",
        "exact Euclidean",
        "Activations of layer 5A summed over the places: how much of what.",
        EUCLIDEAN,
    ),
    MethodEntry(
        "r_max",
        "ResNet max",
        "r_max",
        "exact Euclidean",
        "The strongest activation of each channel of layer 5A: what is anywhere.",
        EUCLIDEAN,
    ),
    MethodEntry(
        "r_mac",
        "ResNet R-MAC",
        "r_mac",
        "exact Euclidean",
        "The strongest activations of the last layer in five regions, whitened by what is common "
        "in the collection: what is where, roughly.",
        EUCLIDEAN,
    ),
    MethodEntry(
        "gf",
        "Global features",
        "gf",
        "exact Euclidean",
        "Colour, edges and texture of the whole image: FCTH, CEDD, EHD, CLD and Gabor moments, "
        "one after another.",
        EUCLIDEAN,
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
        EUCLIDEAN,
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
STRICTER = tuple(
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


def our_extractors() -> tuple[ExtractorEntry, ...]:
    return (*EXTRACTORS, _resnet(LAST_CHANNELS[settings.BACKBONE]))


def our_learned() -> tuple[LearnedEntry, ...]:
    return (
        _cluster_words(settings.CW_CLUSTERS),
        _regional_maxima(LAST_CHANNELS[settings.BACKBONE]),
    )


def our_names() -> set[str]:
    """Of all spaces and methods."""
    entries: tuple[Producer, ...] = (*our_extractors(), *our_learned())
    spaces = {space.name for entry in entries for space in entry.spaces}
    return spaces | {method.name for method in (*METHODS, *STRICTER)}
