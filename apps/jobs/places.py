"""Where a job's files are. A process that keeps its own elsewhere must not work on it.

A worker whose environment lacks LIKENESS_STORE would find no image, call each of them missing and
keep what it computes where nobody else looks.
"""

from typing import Any

from apps.common.errors import ConflictError
from apps.common.storage import object_store
from apps.jobs.models import Job

MARK = "store"  # in a job's params, only where there is a store


class OtherFilesError(ConflictError):
    """This process keeps its files in another place than the job."""

    code = "other_files"


def mark() -> dict[str, Any]:
    """What a new job's params say about where its files are."""
    store = object_store()
    return {} if store is None else {MARK: store.place}


def check_place(*, job: Job) -> None:
    """Refuse a job whose files are not where this process keeps its own.

    Raises:
        OtherFilesError: saying both places.
    """
    here, there = mark().get(MARK, ""), job.params.get(MARK, "")
    if here != there:
        raise OtherFilesError(
            f"Job {job.pk} has its files in {there or 'a data folder'}, this process in "
            f"{here or 'its data folder'}: set LIKENESS_STORE alike everywhere, or cancel the job "
            "and try it again."
        )


def moved_here(params: dict[str, Any]) -> dict[str, Any]:
    """The params of a job that is tried again by this process."""
    return {**{key: value for key, value in params.items() if key != MARK}, **mark()}
