"""Exact nearest neighbours in a space that streams by in shards.

Every search returns, for every query, the `k` eligible rows with the smallest distance, computed
in float64 from the stored values; rows at equal distance are in the order of their ordinals.
The result does not depend on the sizes of shards and blocks, on the memory limit, on the number
of threads or on the device: the first 50 of 500 are the 50.
"""

from apps.retrieval.compute.search.base import Neighbours, Search, merged
from apps.retrieval.compute.search.definition import (
    city_block,
    colour_layout,
    euclidean_distances,
    tanimoto,
)
from apps.retrieval.compute.search.streaming import euclidean
from apps.retrieval.compute.search.words import cluster_words

__all__ = [
    "Neighbours",
    "Search",
    "city_block",
    "cluster_words",
    "colour_layout",
    "euclidean",
    "euclidean_distances",
    "merged",
    "tanimoto",
]
