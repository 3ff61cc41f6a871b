"""Ask for pools: the parts of the job."""

from datetime import datetime

import numpy as np
from django.conf import settings

from apps.common.errors import ConflictError, InvalidError
from apps.jobs.models import Job
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction import NoSuchDeviceError
from apps.retrieval.services.pools.choosing import choose
from apps.retrieval.services.pools.steps import MERGE, QUERIES, SEARCH, StudyIsPlannedError
from apps.studies.models import Study


class NoQueriesError(ConflictError):
    code = "no_queries"


class BadDepthError(InvalidError):
    code = "bad_depth"


def request_pools(
    *,
    study: Study,
    depth: int | None,
    device: str,
    requested_at: datetime,
    requested_by_id: int | None = None,
    available_only: bool = False,
) -> Job:
    """Start the job that ranks every query with every method and pools the best `depth`.

    A study's pool is the union over its methods, so a method that cannot be searched is refused,
    not left out in silence: the pool would differ from the design without anybody having said
    so. `available_only` says so; what it leaves out is in the job's `params["left_out"]`.

    Args:
        study: with its collection.
        depth: results of each method that enter the pool; None: as in the study's design.
        device: `auto`, `cpu` or `cuda`: where queries from outside are extracted and rows
            are screened; the rankings are the same.
        requested_at: now.
        requested_by_id: the person, or None for a command.
        available_only: leave out methods that cannot be searched.

    Raises:
        NoQueriesError, BadDepthError, NoMethodsError, UnknownMethodError: the design is short.
        SpaceNotReadyError: a method's feature space is not complete; names it and the command.
        WeightsMissingError: a query from outside needs an extractor that cannot run here.
        StudyIsPlannedError: the study is planned and the depth would change.
    """
    depth = study.depth if depth is None else depth
    if depth < 1:
        raise BadDepthError(f"The pool depth must be at least 1, not {depth}.", field="depth")
    if device not in ("auto", "cpu", "cuda"):
        raise NoSuchDeviceError(
            f"The device must be auto, cpu or cuda, not {device!r}.", field="device"
        )
    if study.state != Study.State.DRAFT and depth != study.depth:
        raise StudyIsPlannedError(
            f"The study {study.slug} is planned with pools of depth {study.depth}: "
            "its depth can no longer change.",
            field="depth",
        )
    n_queries = study.queries.count()
    if not n_queries:
        raise NoQueriesError(
            f"The study {study.slug} has no queries: add some before building its pools."
        )
    chosen = choose(study=study, available_only=available_only)
    rows = selectors.rows_of(collection=study.collection)
    k = max(study.ranking_depth, depth)
    by_producer: dict[str, list[int]] = {}
    for space in chosen.searched.values():
        name = registry.producer_of(space=space.name).name
        if space.pk not in by_producer.setdefault(name, []):
            by_producer[name].append(space.pk)
    parts = [
        PartSpec(
            key=f"queries/{name}",
            params={"step": "queries", "spaces": spaces, "device": device},
            total=n_queries,
            stage=QUERIES,
        )
        for name, spaces in by_producer.items()
    ]
    for method, space in chosen.searched.items():
        step = _rows_of_a_part(space)
        parts += [
            PartSpec(
                key=f"search/{method}/{start // step:05d}",
                params={
                    "step": "search",
                    "method": method,
                    "space": space.pk,
                    "start": start,
                    "stop": min(start + step, rows),
                    "k": k,
                    "device": device,
                },
                total=min(start + step, rows) - start,
                stage=SEARCH,
            )
            for start in range(0, rows, step)
        ]
    parts.append(PartSpec(key="merge", params={"step": "merge"}, total=n_queries, stage=MERGE))
    return start_job(
        kind=selectors.POOL,
        target=selectors.pools_target(study=study),
        title=f"Pools of {study.name}",
        parts=parts,
        params={
            "study": study.pk,
            "methods": chosen.methods,
            "searched": list(chosen.searched),
            "runs": {method: run.version for method, run in chosen.runs.items()},
            "versions": chosen.versions,
            "depth": depth,
            "k": k,
            "rows": rows,
            "left_out": chosen.left_out,
        },
        unit="rows",
        created_at=requested_at,
        requested_by_id=requested_by_id,
    )


def _rows_of_a_part(space: FeatureSpace) -> int:
    bytes_of_a_shard = settings.SHARD_ROWS * space.dimensions * np.dtype(space.dtype).itemsize
    shards = min(settings.SEARCH_SHARDS_PER_PART, settings.SEARCH_PART_BYTES // bytes_of_a_shard)
    return int(settings.SHARD_ROWS * max(1, shards))
