"""Reads: spaces, their rows, pools."""

from apps.retrieval.selectors.explorations import (
    CUTOFFS,
    ExplorationAnswer,
    exploration_answer,
    exploration_ends,
    explorations_of,
    explorers_alive,
)
from apps.retrieval.selectors.pools import POOL, PoolSummary, pool_summary, pools_target
from apps.retrieval.selectors.rows import opened_rows, searchable_rows, unreadable_reason
from apps.retrieval.selectors.runs import run_names, runs_of
from apps.retrieval.selectors.spaces import (
    EXTRACT,
    Availability,
    SpaceState,
    availability_of,
    availability_of_space,
    bounded,
    current_space,
    extraction_target,
    is_complete,
    learned_model,
    learned_version,
    rows_of,
    shards_of,
    spaces_of,
    weights_of,
)

__all__ = [
    "CUTOFFS",
    "EXTRACT",
    "POOL",
    "Availability",
    "ExplorationAnswer",
    "PoolSummary",
    "SpaceState",
    "availability_of",
    "availability_of_space",
    "bounded",
    "current_space",
    "exploration_answer",
    "exploration_ends",
    "explorations_of",
    "explorers_alive",
    "extraction_target",
    "is_complete",
    "learned_model",
    "learned_version",
    "opened_rows",
    "pool_summary",
    "pools_target",
    "rows_of",
    "run_names",
    "runs_of",
    "searchable_rows",
    "shards_of",
    "spaces_of",
    "unreadable_reason",
    "weights_of",
]
