"""Look one image up with several methods, at once: asked over HTTP, answered by a worker."""

from apps.retrieval.services.exploring.answering import run_exploration
from apps.retrieval.services.exploring.asking import (
    MAX_DEPTH,
    MAX_METHODS,
    BadExplorationError,
    ImageTakesNoPartError,
    NoExplorerError,
    fail_exploration,
    request_exploration,
    sweep_explorations,
)

__all__ = [
    "MAX_DEPTH",
    "MAX_METHODS",
    "BadExplorationError",
    "ImageTakesNoPartError",
    "NoExplorerError",
    "fail_exploration",
    "request_exploration",
    "run_exploration",
    "sweep_explorations",
]
