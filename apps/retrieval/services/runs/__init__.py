"""Foreign methods: rankings from anywhere, as a TREC run file."""

from apps.retrieval.services.runs.growing import Growth, are_built, grow_pools
from apps.retrieval.services.runs.keeping import (
    NoSuchRunError,
    RunExistsError,
    RunIsNeededError,
    remove_run,
    store_run,
)
from apps.retrieval.services.runs.reading import LONGEST_FILE, RunText, read_run

__all__ = [
    "LONGEST_FILE",
    "Growth",
    "NoSuchRunError",
    "RunExistsError",
    "RunIsNeededError",
    "RunText",
    "are_built",
    "grow_pools",
    "read_run",
    "remove_run",
    "store_run",
]
