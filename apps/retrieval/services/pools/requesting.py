"""Ask for pools: what can be searched, and the parts of the job."""

from datetime import datetime

from django.conf import settings

from apps.common.errors import ConflictError, InvalidError
from apps.jobs.models import Job
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.models import FeatureSpace
from apps.retrieval.services.extraction import NoSuchDeviceError, WeightsMissingError
from apps.retrieval.services.pools.steps import MERGE, QUERIES, SEARCH, StudyIsPlannedError
from apps.studies.models import Study


class NoQueriesError(ConflictError):
    code = "no_queries"


class BadDepthError(InvalidError):
    code = "bad_depth"


class NoMethodsError(ConflictError):
    code = "no_methods"


class SpaceNotReadyError(ConflictError):
    code = "space_not_ready"


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
        device: where queries from outside the collection are extracted.
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
    methods, left_out = _choose(study=study, available_only=available_only)
    rows = selectors.rows_of(collection=study.collection)
    k = max(study.ranking_depth, depth)
    by_producer: dict[str, list[int]] = {}
    for method, space in methods:
        name = registry.producer_of(space=method.space).name
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
    step = settings.SHARD_ROWS * settings.SEARCH_SHARDS_PER_PART
    for method, space in methods:
        parts += [
            PartSpec(
                key=f"search/{method.name}/{start // step:05d}",
                params={
                    "step": "search",
                    "method": method.name,
                    "space": space.pk,
                    "start": start,
                    "stop": min(start + step, rows),
                    "k": k,
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
            "methods": [method.name for method, _ in methods],
            "versions": {method.name: space.version for method, space in methods},
            "depth": depth,
            "k": k,
            "rows": rows,
            "left_out": left_out,
        },
        unit="rows",
        created_at=requested_at,
        requested_by_id=requested_by_id,
    )


def _choose(
    *, study: Study, available_only: bool
) -> tuple[list[tuple[registry.MethodEntry, FeatureSpace]], list[dict[str, str]]]:
    """The methods to search with their spaces, and those left out with the reason."""
    rows = selectors.rows_of(collection=study.collection)
    chosen = []
    left_out = []
    has_outside = study.queries.filter(image__ordinal__isnull=True).exists()
    for name in study.methods:
        method = registry.method_of(name=name)
        space = selectors.current_space(collection=study.collection, name=method.space)
        refusal: ConflictError | None = None
        able = selectors.availability_of_space(name=method.space, rows=rows)
        if not rows or space is None or not selectors.is_complete(space=space, rows=rows):
            what_to_do = (
                f"run `manage.py extract_features {study.collection.slug} --space {method.space}`"
                if able.version is not None
                else able.how.rstrip(".")
            )
            refusal = SpaceNotReadyError(
                f"The method {name} needs the feature space {method.space} of "
                f"{study.collection.slug}, which is not complete: {what_to_do}; or take {name} "
                f"out of the methods of {study.slug}.",
                field="methods",
            )
        elif has_outside and able.version is None:
            refusal = WeightsMissingError(
                f"Queries from outside the collection cannot be turned into {method.space} here. "
                f"{able.how}",
                field="methods",
            )
        elif has_outside and able.version != space.version:
            refusal = SpaceNotReadyError(
                f"The feature space {method.space} of {study.collection.slug} was computed as "
                f"{space.version}, and queries from outside would be as {able.version}: run "
                f"`manage.py extract_features {study.collection.slug} --space {method.space}`.",
                field="methods",
            )
        if refusal is None and space is not None:
            chosen.append((method, space))
        elif refusal is not None and not available_only:
            raise refusal
        else:
            left_out.append({"method": name, "how": str(refusal)})
    if not chosen:
        if left_out:
            raise NoMethodsError(left_out[0]["how"], field="methods")
        raise NoMethodsError(f"The study {study.slug} names no methods.", field="methods")
    return chosen, left_out
