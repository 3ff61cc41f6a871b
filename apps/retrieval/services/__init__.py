"""Writes: start extraction, start pools, export a space."""

from apps.retrieval.services.export import export_features
from apps.retrieval.services.extraction import pick_device, request_extraction
from apps.retrieval.services.pools import (
    SpaceNotReadyError,
    StudyIsPlannedError,
    request_pools,
)

__all__ = [
    "SpaceNotReadyError",
    "StudyIsPlannedError",
    "export_features",
    "pick_device",
    "request_extraction",
    "request_pools",
]
