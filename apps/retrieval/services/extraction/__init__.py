"""Compute feature spaces: one part is one shard of one extractor, for all of its spaces.

Learned spaces follow: their model is one part, then one part is one shard.
"""

from typing import Any

from apps.jobs.models import JobPart
from apps.jobs.registry import Progress
from apps.retrieval.services.extraction.errors import (
    NoSuchDeviceError,
    NothingToComputeError,
    NothingToLearnError,
    OtherWorkRunsError,
    VersionChangedError,
    WeightsMissingError,
)
from apps.retrieval.services.extraction.extractors import (
    load_extractor,
    opened_pixels,
    pick_device,
    prepared_image,
)
from apps.retrieval.services.extraction.learning import learn_model, transform_shard
from apps.retrieval.services.extraction.outside import PictureUnreadableError, vectors_of
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
    "NothingToLearnError",
    "OtherWorkRunsError",
    "PictureUnreadableError",
    "VersionChangedError",
    "WeightsMissingError",
    "extract_shard",
    "finish_extraction",
    "load_extractor",
    "opened_pixels",
    "pick_device",
    "prepared_image",
    "request_extraction",
    "run_extraction_part",
    "shard_is_whole",
    "vectors_of",
]


def run_extraction_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Do one part of an `extract_features` job."""
    steps = {"extract": extract_shard, "learn": learn_model, "transform": transform_shard}
    return steps[part.params.get("step", "extract")](part, progress)
