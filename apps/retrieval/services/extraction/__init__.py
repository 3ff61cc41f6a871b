"""Compute feature spaces: one part is one shard of one extractor, for all of its spaces."""

from apps.retrieval.services.extraction.errors import (
    NoSuchDeviceError,
    NothingToComputeError,
    OtherWorkRunsError,
    VersionChangedError,
    WeightsMissingError,
)
from apps.retrieval.services.extraction.extractors import (
    load_extractor,
    pick_device,
    prepared_image,
)
from apps.retrieval.services.extraction.request import DEVICES, request_extraction
from apps.retrieval.services.extraction.shards import (
    extract_shard,
    finish_extraction,
    shard_is_whole,
)

__all__ = [
    "DEVICES",
    "NoSuchDeviceError",
    "NothingToComputeError",
    "OtherWorkRunsError",
    "VersionChangedError",
    "WeightsMissingError",
    "extract_shard",
    "finish_extraction",
    "load_extractor",
    "pick_device",
    "prepared_image",
    "request_extraction",
    "shard_is_whole",
]
