"""Stage 2: one ranking a method and query, and their pools."""

from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import transaction
from django.db.models import ProtectedError

from apps.catalog.models import Image
from apps.jobs.models import JobPart
from apps.jobs.registry import Progress
from apps.retrieval.compute.pooling import Source, pooled, strictly_decreasing
from apps.retrieval.compute.search import merged
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.retrieval.services.pools.searching import read_found
from apps.retrieval.services.pools.steps import SEARCH, StudyIsPlannedError, queries_of
from apps.studies.models import Study

ORDINALS_AT_ONCE = 10_000

Rankings = dict[tuple[int, str], tuple[list[int], list[float]]]  # (query, method) -> images, scores
Pools = dict[int, dict[int, list[Source]]]  # query -> image -> sources


def merge(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Merge the searches, break ties in scores, pool, and store all of it in one transaction."""
    params = part.job.params
    study = Study.objects.select_related("collection").get(pk=params["study"])
    queries = queries_of(study.pk)
    rankings: Rankings = {}
    for method in params["methods"]:
        found = [
            read_found(search.result)
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
