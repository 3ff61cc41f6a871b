"""Writes: start extraction, start pools, export a space."""

from apps.retrieval.services.export import export_features
from apps.retrieval.services.extraction import pick_device, request_extraction
from apps.retrieval.services.pools import (
    SpaceNotReadyError,
    StudyIsPlannedError,
    request_pools,
)
from apps.retrieval.services.screening import RETRAIN_EVERY, record_labels, request_screening

__all__ = [
    "RETRAIN_EVERY",
    "SpaceNotReadyError",
    "StudyIsPlannedError",
    "export_features",
    "pick_device",
    "record_labels",
    "request_extraction",
    "request_pools",
    "request_screening",
]
