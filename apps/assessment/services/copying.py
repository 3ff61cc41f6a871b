"""A study again, under another name: its design, pools, ledger and rankings, without judgments."""

from collections.abc import Mapping
from datetime import datetime
from itertools import islice
from typing import Any

from django.utils.text import slugify

from apps.assessment.selectors import NoPoolsError
from apps.common.errors import ConflictError, InvalidError
from apps.retrieval.models import ForeignRanking, PoolEntry, PoolSource, Ranking
from apps.studies.models import Category, Query, Study

BATCH = 2_000
RANKINGS_AT_ONCE = 50  # each holds hundreds of images and scores


class CopyExistsError(ConflictError):
    code = "copy_exists"


def copy_study(
    *, study: Study, slug: str, name: str, provenance: dict[str, Any], copied_at: datetime
) -> Study:
    """A simulated draft with the study's design, pools, ledger and rankings, and no judgments.

    Raises:
        CopyExistsError: there is a study of that short name.
        InvalidError: that is no short name.
        NoPoolsError: the study has no pools.
    """
    if Study.objects.filter(slug=slug).exists():
        raise CopyExistsError(
            f"There is a study {slug!r} already: name another for the copy.", field="copy"
        )
    if slug != slugify(slug) or not 1 <= len(slug) <= 60:
        raise InvalidError(
            f"The copy's name must be lower-case letters, digits and hyphens, at most 60, "
            f"got {slug!r}.",
            field="copy",
        )
    copy = Study.objects.get(pk=study.pk)
    copy.pk = None
    copy._state.adding = True
    copy.slug = slug
    copy.name = name[:200]
    copy.state = Study.State.DRAFT
    copy.is_simulated = True
    copy.provenance = provenance
    copy.created_at = copied_at
    copy.save()
    _copy_pools(study, _copy_design(study, copy))
    _copy_runs(study, copy)
    return copy


def _copy_design(study: Study, copy: Study) -> dict[int, Query]:
    """The categories and queries again; by the old query's key, the new query."""
    categories = {}
    for category in study.categories.prefetch_related("groups"):
        twin = Category.objects.create(
            study=copy,
            name=category.name,
            position=category.position,
            guidelines=category.guidelines,
            guideline_version=category.guideline_version,
        )
        twin.groups.set(category.groups.all())
        categories[category.pk] = twin
    old = list(study.queries.order_by("position"))
    new = Query.objects.bulk_create(
        (
            Query(
                study=copy,
                category=categories[query.category_id],
                query_id=query.query_id,
                position=query.position,
                image_id=query.image_id,
            )
            for query in old
        ),
        batch_size=BATCH,
    )
    return {before.pk: after for before, after in zip(old, new, strict=True)}


def _copy_pools(study: Study, queries: Mapping[int, Query]) -> None:
    old = list(PoolEntry.objects.filter(query__study=study).order_by("pk"))
    if not old:
        raise NoPoolsError(
            f"The study {study.slug!r} has no pools yet: build them first "
            f"(build_pools {study.slug}).",
            field="pools",
        )
    new = PoolEntry.objects.bulk_create(
        (PoolEntry(query=queries[entry.query_id], image_id=entry.image_id) for entry in old),
        batch_size=BATCH,
    )
    entries = {before.pk: after.pk for before, after in zip(old, new, strict=True)}
    sources = PoolSource.objects.filter(entry__query__study=study).order_by("pk").iterator()
    while some := list(islice(sources, BATCH)):
        PoolSource.objects.bulk_create(
            PoolSource(
                entry_id=entries[source.entry_id],
                method=source.method,
                rank=source.rank,
                score=source.score,
            )
            for source in some
        )
    keys = list(
        Ranking.objects.filter(query__study=study).order_by("pk").values_list("pk", flat=True)
    )
    for first in range(0, len(keys), RANKINGS_AT_ONCE):
        Ranking.objects.bulk_create(
            Ranking(
                query=queries[ranking.query_id],
                method=ranking.method,
                images=ranking.images,
                scores=ranking.scores,
                version=ranking.version,
            )
            for ranking in Ranking.objects.filter(pk__in=keys[first : first + RANKINGS_AT_ONCE])
        )


def _copy_runs(study: Study, copy: Study) -> None:
    for run in study.foreign_runs.all():
        rankings = list(run.rankings.values_list("query_id", "images", "scores"))
        run.pk = None
        run._state.adding = True
        run.study = copy
        run.save()
        ForeignRanking.objects.bulk_create(
            (
                ForeignRanking(run=run, query_id=query_id, images=images, scores=scores)
                for query_id, images, scores in rankings
            ),
            batch_size=RANKINGS_AT_ONCE,
        )
