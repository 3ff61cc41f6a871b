"""Stage 2: one ranking a method and query, and their pools."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import ProtectedError

from apps.common.errors import ConflictError
from apps.jobs.models import JobPart
from apps.jobs.registry import Progress
from apps.retrieval.compute.fusion import Ranked
from apps.retrieval.compute.pooling import Source, pooled
from apps.retrieval.fusions import fusion_of, is_fusion
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.retrieval.services.pools.rankings import (
    foreign_rankings,
    fused_rankings,
    images_of,
    searched_rankings,
)
from apps.retrieval.services.pools.steps import StudyIsPlannedError, queries_of
from apps.studies.models import Query, Study

Rankings = dict[tuple[int, str], tuple[list[int], list[float]]]  # (query, method) -> images, scores
Pools = dict[int, dict[int, list[Source]]]  # query -> image -> sources


def merge(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Merge the searches, fuse, pool, and store all of it in one transaction.

    Raises:
        ConflictError: a run that the pools need was removed meanwhile.
    """
    params = part.job.params
    study = Study.objects.select_related("collection").get(pk=params["study"])
    queries = queries_of(study.pk)
    runs = {run.method: run for run in study.foreign_runs.all()}
    if {name: runs[name].version for name in params["runs"] if name in runs} != params["runs"]:
        raise ConflictError("The imported runs have changed since: start the job again.")
    k = params["k"]
    found: dict[str, list[Ranked]] = {
        name: searched_rankings(job=part.job, method=name, n_queries=len(queries), k=k)
        for name in params["searched"]
    }
    for name in params["runs"]:
        found[name] = foreign_rankings(run=runs[name], queries=queries, k=k)
    for name in params["methods"]:
        if is_fusion(name=name):
            found[name] = fused_rankings(
                fusion=fusion_of(name=name), members=found, n_queries=len(queries), k=k
            )
    rankings: Rankings = {}
    for name in params["methods"]:
        rankings |= as_stored(
            method=name,
            ranked=found[name],
            queries=queries,
            collection_id=study.collection_id,
            is_foreign=name in runs,
        )
    return store_pools(
        study=study,
        methods=[*params["methods"], *(one["method"] for one in params["left_out"])],
        depth=params["depth"],
        rankings=rankings,
        versions=params["versions"],
        pools=pools_of(
            queries=queries,
            methods=[n for n in params["methods"] if n not in runs or runs[n].in_pools],
            rankings=rankings,
            depth=params["depth"],
        ),
    )


def as_stored(
    *,
    method: str,
    ranked: Sequence[Ranked],
    queries: Sequence[Query],
    collection_id: int,
    is_foreign: bool,
) -> Rankings:
    """Rankings with images instead of ordinals; a run's has no row where it lists nothing."""
    ordinals = np.unique(np.concatenate([np.empty(0, np.int64), *(r.ordinals for r in ranked)]))
    image_of = images_of(collection_id=collection_id, ordinals=ordinals)
    return {
        (query.pk, method): (
            [image_of[ordinal] for ordinal in one.ordinals.tolist()],
            one.scores.tolist(),
        )
        for query, one in zip(queries, ranked, strict=True)
        if len(one.ordinals) or not is_foreign
    }


def pools_of(
    *, queries: Sequence[Query], methods: Sequence[str], rankings: Rankings, depth: int
) -> Pools:
    return {
        query.pk: pooled(
            rankings={
                method: rankings[query.pk, method]
                for method in methods
                if (query.pk, method) in rankings
            },
            depth=depth,
        )
        for query in queries
    }


@transaction.atomic
def store_pools(
    *,
    study: Study,
    methods: Sequence[str],
    depth: int,
    rankings: Rankings,
    versions: dict[str, str],
    pools: Pools,
) -> dict[str, Any]:
    """Replace a study's rankings and pools; pairs that have a task or a judgment stay.

    Raises:
        StudyIsPlannedError: assessors were given pairs already, and the new pools differ.
        ConflictError: the study has other `methods` by now.
    """
    locked = Study.objects.select_for_update().get(pk=study.pk)
    if set(locked.methods) != set(methods):
        raise ConflictError(
            f"The methods of {locked.slug} have changed since: build its pools again."
        )
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
