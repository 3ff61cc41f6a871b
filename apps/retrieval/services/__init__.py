"""Writes: start extraction, start pools, export a space, explore."""

from apps.retrieval.services.exploring import (
    fail_exploration,
    request_exploration,
    run_exploration,
    sweep_explorations,
)
from apps.retrieval.services.exploring.asking import DroppedFile
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
    "DroppedFile",
    "SpaceNotReadyError",
    "StudyIsPlannedError",
    "export_features",
    "fail_exploration",
    "pick_device",
    "record_labels",
    "request_exploration",
    "request_extraction",
    "request_pools",
    "request_screening",
    "run_exploration",
    "sweep_explorations",
]
