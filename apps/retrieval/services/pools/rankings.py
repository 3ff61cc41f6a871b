"""Whole rankings of a study's queries: from the searches, from a run file, from other rankings."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from apps.catalog.models import Image
from apps.jobs.models import Job
from apps.retrieval.compute.fusion import Ranked, fused
from apps.retrieval.compute.pooling import strictly_decreasing
from apps.retrieval.compute.search import merged
from apps.retrieval.fusions import Fusion
from apps.retrieval.models import ForeignRun
from apps.retrieval.services.pools.searching import read_found
from apps.retrieval.services.pools.steps import SEARCH
from apps.studies.models import Query

AT_ONCE = 10_000  # images looked up by one query


def searched_rankings(*, job: Job, method: str, n_queries: int, k: int) -> list[Ranked]:
    """The best `k` of each query over all parts of a search; ties are broken in the scores."""
    found = [
        read_found(search.result)
        for search in job.parts.filter(stage=SEARCH)
        if search.params["method"] == method
    ]
    best = [merged([one[number] for one in found], k=k) for number in range(n_queries)]
    return [Ranked(one.ordinals, strictly_decreasing(scores=-one.distances)) for one in best]


def foreign_rankings(*, run: ForeignRun, queries: Sequence[Query], k: int) -> list[Ranked]:
    """The best `k` of each query that may be results; empty where the run lists nothing.

    Images that are screened out and a query's own image are passed over, as in every search.
    """
    stored = {
        query_id: (images, scores)
        for query_id, images, scores in run.rankings.values_list("query_id", "images", "scores")
    }
    ordinal_of = _ordinals_of(image for images, _ in stored.values() for image in images)
    rankings = []
    for query in queries:
        images, scores = stored.get(query.query_id, ([], []))
        usable = [
            (ordinal_of[image], score)
            for image, score in zip(images, scores, strict=True)
            if image in ordinal_of and image != query.image_id
        ][:k]
        rankings.append(
            Ranked(
                np.array([ordinal for ordinal, _ in usable], np.int64),
                strictly_decreasing(scores=np.array([score for _, score in usable], np.float64)),
            )
        )
    return rankings


def fused_rankings(
    *, fusion: Fusion, members: Mapping[str, Sequence[Ranked]], n_queries: int, k: int
) -> list[Ranked]:
    """A fusion of rankings that are `k` deep, query by query."""
    kind = fusion.kind.load()
    return [
        fused(members=[members[name][number] for name in fusion.members], kind=kind, k=k)
        for number in range(n_queries)
    ]


def images_of(*, collection_id: int, ordinals: npt.NDArray[np.int64]) -> dict[int, int]:
    """Primary keys of images by ordinal."""
    found: dict[int, int] = {}
    for start in range(0, len(ordinals), AT_ONCE):
        some = ordinals[start : start + AT_ONCE].tolist()
        images = Image.objects.filter(collection_id=collection_id, ordinal__in=some)
        for ordinal, pk in images.order_by().values_list("ordinal", "pk"):
            assert ordinal is not None  # noqa: S101  they were asked for by ordinal
            found[ordinal] = pk
    return found


def _ordinals_of(images: Iterable[int]) -> dict[int, int]:
    """Ordinals of those that may be results, by primary key."""
    wanted = sorted(set(images))
    found: dict[int, int] = {}
    for start in range(0, len(wanted), AT_ONCE):
        rows = Image.objects.searchable().filter(pk__in=wanted[start : start + AT_ONCE])
        for pk, ordinal in rows.order_by().values_list("pk", "ordinal"):
            if ordinal is not None:
                found[pk] = ordinal
    return found
