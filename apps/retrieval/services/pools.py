"""Build a study's pools: query vectors, searches by method and range of shards, one merge."""

import tempfile
from collections.abc import Sequence
from datetime import datetime
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import ProtectedError

from apps.catalog.models import Image
from apps.common.errors import ConflictError, InvalidError
from apps.common.storage import checked, publish
from apps.jobs.models import Job, JobPart
from apps.jobs.registry import Progress
from apps.jobs.services import PartSpec, start_job
from apps.retrieval import registry, selectors
from apps.retrieval.compute import pixels
from apps.retrieval.compute.pooling import Source, pooled, strictly_decreasing
from apps.retrieval.compute.search import Neighbours, merged
from apps.retrieval.models import FeatureSpace, PoolEntry, PoolSource, Ranking
from apps.retrieval.services.extraction import (
    NoSuchDeviceError,
    WeightsMissingError,
    load_extractor,
    prepared_image,
)
from apps.studies.models import Query, Study

QUERIES, SEARCH, MERGE = 0, 1, 2  # stages
ORDINALS_AT_ONCE = 10_000


class NoQueriesError(ConflictError):
    code = "no_queries"


class BadDepthError(InvalidError):
    code = "bad_depth"


class NoMethodsError(ConflictError):
    code = "no_methods"


class SpaceNotReadyError(ConflictError):
    code = "space_not_ready"


class StudyIsPlannedError(ConflictError):
    code = "study_is_planned"


class QueryUnreadableError(ConflictError):
    code = "query_unreadable"


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
    by_extractor: dict[str, list[int]] = {}
    for method, space in methods:
        name = registry.extractor_of(space=method.space).name
        if space.pk not in by_extractor.setdefault(name, []):
            by_extractor[name].append(space.pk)
    parts = [
        PartSpec(
            key=f"queries/{name}",
            params={"step": "queries", "extractor": name, "spaces": spaces, "device": device},
            total=n_queries,
            stage=QUERIES,
        )
        for name, spaces in by_extractor.items()
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
        able = selectors.availability_of(extractor=registry.extractor_of(space=method.space))
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


def run_pool_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Do one part of a `build_pools` job."""
    steps = {"queries": _extract_queries, "search": _search, "merge": _merge}
    return steps[part.params["step"]](part, progress)


# --- stage 0: query vectors -----------------------------------------------------------------------


def _queries_of(study_id: int) -> list[Query]:
    return list(
        Query.objects.filter(study_id=study_id).select_related("image").order_by("position", "pk")
    )


def _extract_queries(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Vectors of all queries in an extractor's spaces: rows of the collection, or extracted."""
    study = Study.objects.get(pk=part.job.params["study"])
    queries = _queries_of(study.pk)
    outside = [number for number, query in enumerate(queries) if query.image.ordinal is None]
    spaces = list(FeatureSpace.objects.filter(pk__in=part.params["spaces"]).order_by("pk"))
    extracted: dict[str, npt.NDArray[Any]] = {}
    if outside:
        extractor = load_extractor(
            entry=registry.extractor_named(name=part.params["extractor"]),
            device=part.params["device"],
        )
        prepared = []
        for number in outside:
            try:
                prepared.append(prepared_image(image=queries[number].image, extractor=extractor))
            except pixels.UnreadableError as error:
                raise _unreadable(queries[number], "its file", str(error)) from error
        for start in range(0, len(prepared), extractor.batch_size):
            found = extractor.extract(
                prepared[start : start + extractor.batch_size],
                spaces=[space.name for space in spaces],
            )
            for name, rows in found.items():
                extracted[name] = np.concatenate([extracted.get(name, rows[:0]), rows])
            progress(min(start + extractor.batch_size, len(prepared)))
    files = {}
    for space in spaces:
        vectors = np.empty((len(queries), space.dimensions), dtype=np.float32)
        if outside:
            # As the shards keep them, so that a query from outside is rounded like all others.
            vectors[outside] = extracted[space.name].astype(space.dtype)
        _fill_from_shards(space=space, queries=queries, vectors=vectors, study=study)
        name = f"pools/{study.pk}/{part.job_id}/queries-{space.pk}.npy"
        content = BytesIO()
        np.save(content, vectors, allow_pickle=False)
        content.seek(0)
        files[str(space.pk)] = {"file": name, "sha256": publish(name, content)}
    return {"files": files}


def _fill_from_shards(
    *, space: FeatureSpace, queries: Sequence[Query], vectors: npt.NDArray[Any], study: Study
) -> None:
    inside = [
        (number, query.image.ordinal)
        for number, query in enumerate(queries)
        if query.image.ordinal is not None
    ]
    for shard in selectors.shards_of(space=space):
        here = [
            (number, ordinal)
            for number, ordinal in inside
            if shard.start <= ordinal < shard.start + shard.rows
        ]
        if not here:
            continue
        stop = shard.start + shard.rows
        with selectors.opened_rows(space=space, start=shard.start, stop=stop) as (array,):
            for number, ordinal in here:
                vectors[number] = array[ordinal - shard.start]
    for number, ordinal in inside:
        if not np.isfinite(vectors[number]).all():
            reason = selectors.unreadable_reason(space=space, ordinal=ordinal)
            raise _unreadable(queries[number], f"the space {space.name}", reason)


def _unreadable(query: Query, where: str, reason: str) -> QueryUnreadableError:
    return QueryUnreadableError(
        f"The query {query.query_id} ({query.image.image_id}) has no vector from {where}: "
        f"{reason or 'it could not be read'}.",
        field="queries",
    )


# --- stage 1: searches ----------------------------------------------------------------------------


def _search(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Search a range of rows with one method; the best of every query go to a file."""
    params = part.params
    study = Study.objects.select_related("collection").get(pk=part.job.params["study"])
    space = FeatureSpace.objects.get(pk=params["space"])
    search = registry.method_of(name=params["method"]).load()
    source = _result_of(part.job, step="queries", space=space.pk)
    with checked(source["file"], sha256=source["sha256"]) as file:
        vectors = np.load(BytesIO(file.read()), allow_pickle=False)
    queries = _queries_of(study.pk)
    own = np.array(
        [-1 if query.image.ordinal is None else query.image.ordinal for query in queries],
        dtype=np.int64,
    )
    start, stop = params["start"], params["stop"]
    eligible = selectors.searchable_rows(collection=study.collection, rows=part.job.params["rows"])
    with selectors.opened_rows(space=space, start=start, stop=stop) as shards:
        found = search(
            queries=vectors,
            shards=shards,
            first=start,
            eligible=eligible[start:stop],
            own=own,
            k=params["k"],
            memory=settings.SEARCH_MEMORY,
            threads=settings.THREADS or None,
            on_rows=progress,
        )
    name = f"pools/{study.pk}/{part.job_id}/{params['method']}-{start:010d}.npz"
    with tempfile.TemporaryFile() as file:
        np.savez(
            file,
            allow_pickle=False,
            counts=np.array([len(one.ordinals) for one in found], dtype=np.int64),
            ordinals=np.concatenate([one.ordinals for one in found]),
            distances=np.concatenate([one.distances for one in found]),
        )
        file.seek(0)
        return {"file": name, "sha256": publish(name, file)}


def _result_of(job: Job, *, step: str, space: int) -> dict[str, str]:
    for part in job.parts.filter(stage=QUERIES):
        if part.params["step"] == step and str(space) in part.result.get("files", {}):
            found: dict[str, str] = part.result["files"][str(space)]
            return found
    raise ConflictError("The vectors of the queries are gone: start the job again.")


def _read_found(result: dict[str, str]) -> list[Neighbours]:
    with checked(result["file"], sha256=result["sha256"]) as file:
        content = np.load(BytesIO(file.read()), allow_pickle=False)
        ends = np.cumsum(content["counts"])[:-1]
        return [
            Neighbours(ordinals, distances)
            for ordinals, distances in zip(
                np.split(content["ordinals"], ends),
                np.split(content["distances"], ends),
                strict=True,
            )
        ]


# --- stage 2: rankings and pools ------------------------------------------------------------------

Rankings = dict[tuple[int, str], tuple[list[int], list[float]]]  # (query, method) -> images, scores
Pools = dict[int, dict[int, list[Source]]]  # query -> image -> sources


def _merge(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Merge the searches, break ties in scores, pool, and store all of it in one transaction."""
    params = part.job.params
    study = Study.objects.select_related("collection").get(pk=params["study"])
    queries = _queries_of(study.pk)
    rankings: Rankings = {}
    for method in params["methods"]:
        found = [
            _read_found(search.result)
            for search in part.job.parts.filter(stage=SEARCH)
            if search.params["method"] == method
        ]
        best = [
            merged([one[number] for one in found], k=params["k"]) for number in range(len(queries))
        ]
        image_of = _images_of(study, np.unique(np.concatenate([one.ordinals for one in best])))
        for query, one in zip(queries, best, strict=True):
            scores = strictly_decreasing(scores=-one.distances)
            rankings[query.pk, method] = (
                [image_of[ordinal] for ordinal in one.ordinals.tolist()],
                scores.tolist(),
            )
    pools: Pools = {
        query.pk: pooled(
            rankings={method: rankings[query.pk, method] for method in params["methods"]},
            depth=params["depth"],
        )
        for query in queries
    }
    return store_pools(
        study=study,
        depth=params["depth"],
        rankings=rankings,
        versions=params["versions"],
        pools=pools,
    )


def _images_of(study: Study, ordinals: npt.NDArray[np.int64]) -> dict[int, int]:
    found: dict[int, int] = {}
    for start in range(0, len(ordinals), ORDINALS_AT_ONCE):
        some = ordinals[start : start + ORDINALS_AT_ONCE].tolist()
        images = Image.objects.filter(collection_id=study.collection_id, ordinal__in=some)
        for ordinal, pk in images.order_by().values_list("ordinal", "pk"):
            assert ordinal is not None  # noqa: S101  they were asked for by ordinal
            found[ordinal] = pk
    return found


@transaction.atomic
def store_pools(
    *,
    study: Study,
    depth: int,
    rankings: Rankings,
    versions: dict[str, str],
    pools: Pools,
) -> dict[str, Any]:
    """Replace a study's rankings and pools; pairs that have a task or a judgment stay.

    Raises:
        StudyIsPlannedError: assessors were given pairs already, and the new pools differ.
    """
    locked = Study.objects.select_for_update().get(pk=study.pk)
    n_pairs = sum(len(pool) for pool in pools.values())
    if _are_stored(study=locked, depth=depth, rankings=rankings, versions=versions, pools=pools):
        return {"changed": False, "n_pairs": n_pairs, "kept_judged": 0}
    if locked.state != Study.State.DRAFT:
        raise StudyIsPlannedError(
            f"The study {locked.slug} is planned and its pools would change: "
            "nothing was stored. Make a new study to pool again."
        )
    locked.depth = depth
    locked.ranking_depth = max(locked.ranking_depth, depth)
    locked.save(update_fields=["depth", "ranking_depth"])
    Ranking.objects.filter(query__study=locked).delete()
    Ranking.objects.bulk_create(
        (
            Ranking(
                query_id=query,
                method=method,
                images=images,
                scores=scores,
                version=versions[method],
            )
            for (query, method), (images, scores) in rankings.items()
        ),
        batch_size=50,
    )
    kept_judged = _store_entries(locked, pools)
    return {"changed": True, "n_pairs": n_pairs, "kept_judged": kept_judged}


def _store_entries(study: Study, pools: Pools) -> int:
    """Bring entries and ledger up to date; return how many pairs stay only for their tasks."""
    wanted = {(query, image) for query, pool in pools.items() for image in pool}
    entries = PoolEntry.objects.filter(query__study=study)
    PoolSource.objects.filter(entry__query__study=study).delete()
    stored = {
        (query, image): pk
        for pk, query, image in entries.values_list("pk", "query__pk", "image__pk")
    }
    stale = [pk for pair, pk in stored.items() if pair not in wanted]
    kept: set[int] = set()
    while stale:
        try:
            with transaction.atomic():
                entries.filter(pk__in=stale).delete()
            break
        except ProtectedError as error:
            # Whatever refers to a pair (tasks, floors above this one) keeps it.
            held = {getattr(one, "entry_id", 0) for one in error.protected_objects}
            if not held & set(stale):
                raise
            kept |= held & set(stale)
            stale = [pk for pk in stale if pk not in kept]
    # In the order of images, not of ranks: a pair's number says nothing about who found it.
    PoolEntry.objects.bulk_create(
        (
            PoolEntry(query_id=query, image_id=image)
            for query, pool in pools.items()
            for image in sorted(pool)
            if (query, image) not in stored
        ),
        batch_size=1000,
    )
    ids = {
        (query, image): pk
        for pk, query, image in entries.values_list("pk", "query__pk", "image__pk")
    }
    PoolSource.objects.bulk_create(
        (
            PoolSource(
                entry_id=ids[query, image],
                method=source.method,
                rank=source.rank,
                score=source.score,
            )
            for query, pool in pools.items()
            for image in sorted(pool)
            for source in pool[image]
        ),
        batch_size=1000,
    )
    return len(kept)


def _are_stored(
    *, study: Study, depth: int, rankings: Rankings, versions: dict[str, str], pools: Pools
) -> bool:
    if study.depth != depth:
        return False
    stored = {
        (query, method): (images, scores, version)
        for query, method, images, scores, version in Ranking.objects.filter(
            query__study=study
        ).values_list("query__pk", "method", "images", "scores", "version")
    }
    if stored != {key: (*value, versions[key[1]]) for key, value in rankings.items()}:
        return False
    ledger = set(
        PoolSource.objects.filter(entry__query__study=study).values_list(
            "entry__query__pk", "entry__image__pk", "method", "rank", "score"
        )
    )
    return ledger == {
        (query, image, source.method, source.rank, source.score)
        for query, pool in pools.items()
        for image, sources in pool.items()
        for source in sources
    }


def finish_pools(job: Job) -> dict[str, Any]:
    """Take the files of the searches away and sum up."""
    study = Study.objects.get(pk=job.params["study"])
    _remove_folder(f"pools/{study.pk}")
    merge = job.parts.get(key="merge")
    return {
        **merge.result,
        "study": study.slug,
        "depth": job.params["depth"],
        "methods": job.params["methods"],
        "left_out": job.params["left_out"],
    }


def _remove_folder(folder: str) -> None:
    try:
        folders, files = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in files:
        default_storage.delete(f"{folder}/{name}")
    for name in folders:
        _remove_folder(f"{folder}/{name}")
        default_storage.delete(f"{folder}/{name}")
