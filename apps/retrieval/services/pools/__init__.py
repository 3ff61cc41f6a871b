"""Build a study's pools: query vectors, searches by method and range of shards, one merge."""

from typing import Any

from apps.common.storage import discard_folder
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.retrieval.services.pools.choosing import NoMethodsError, SpaceNotReadyError
from apps.retrieval.services.pools.merging import merge, store_pools
from apps.retrieval.services.pools.queries import QueryUnreadableError, extract_queries
from apps.retrieval.services.pools.requesting import (
    BadDepthError,
    NoQueriesError,
    request_pools,
)
from apps.retrieval.services.pools.searching import search_rows
from apps.retrieval.services.pools.steps import StudyIsPlannedError
from apps.studies.models import Study

__all__ = [
    "BadDepthError",
    "NoMethodsError",
    "NoQueriesError",
    "QueryUnreadableError",
    "SpaceNotReadyError",
    "StudyIsPlannedError",
    "finish_pools",
    "request_pools",
    "run_pool_part",
    "store_pools",
]


def run_pool_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Do one part of a `build_pools` job."""
    steps = {"queries": extract_queries, "search": search_rows, "merge": merge}
    return steps[part.params["step"]](part, progress)


def finish_pools(job: Job) -> dict[str, Any]:
    """Take the files of the searches away and sum up."""
    study = Study.objects.get(pk=job.params["study"])
    discard_folder(f"pools/{study.pk}")
    merge = job.parts.get(key="merge")
    return {
        **merge.result,
        "study": study.slug,
        "depth": job.params["depth"],
        "methods": job.params["methods"],
        "left_out": job.params["left_out"],
    }
