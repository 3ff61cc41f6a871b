"""A study's rows as the release folder lists them: sorted, streamed, in a few queries each."""

import json
from collections.abc import Iterator
from typing import Any

from django.db import connection
from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, When
from django.db.models.functions import Coalesce, Collate

from apps.analytics.formats import iso_utc
from apps.analytics.release_format import JUDGED, ONLY_JUDGED, UNJUDGEABLE, WHOLE_POOL
from apps.analytics.selectors.data import BATCH, current_judgments
from apps.analytics.selectors.report import in_fixed_order
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.catalog.models import Caption, Collection, Image
from apps.retrieval.models import PoolEntry, PoolSource, Ranking
from apps.studies.models import Query, Study

Cells = tuple[Any, ...]


def bytewise(path: str) -> Collate | F:
    """Order by code points, as Python sorts strings, whatever the database's own order is."""
    return Collate(F(path), "C") if connection.vendor == "postgresql" else F(path)


def assessor_labels(*, study: Study, names: bool) -> dict[int, str]:
    """How each participant is called in the release, by primary key.

    With names, two people of one name are told apart by their pseudonyms.
    """
    people = list(Participant.objects.filter(study=study).select_related("user"))
    if not names:
        return {person.pk: person.pseudonym for person in people}
    called = [person.user.name for person in people]
    return {
        person.pk: name if called.count(name) == 1 else f"{name} ({person.pseudonym})"
        for person, name in zip(people, called, strict=True)
    }


def asked_about(*, study: Study) -> QuerySet[Image]:
    """The images that a study's queries are."""
    return Image.objects.filter(queries__study=study)


def release_images(*, collection: Collection, asked: QuerySet[Image]) -> QuerySet[Image]:
    """The collection's images and those that a study asks about, by image_id."""
    wanted = Q(ordinal__isnull=False) | Q(pk__in=asked.order_by().values("pk"))
    return Image.objects.filter(wanted, collection=collection).order_by(bytewise("image_id"))


def image_rows(*, collection: Collection, asked: QuerySet[Image]) -> Iterator[Cells]:
    images = release_images(collection=collection, asked=asked).values_list(
        "image_id",
        "file_name",
        "sha256",
        "width",
        "height",
        "excluded",
        "ordinal",
        "metadata",
    )
    for *cells, metadata in images.iterator(chunk_size=BATCH):
        yield (*cells, json_cell(metadata))


def json_cell(value: Any) -> str:
    """JSON in a cell; nothing for nothing."""
    return json.dumps(in_fixed_order(value), ensure_ascii=False) if value else ""


def caption_rows(*, collection: Collection, asked: QuerySet[Image]) -> Iterator[Cells]:
    images = release_images(collection=collection, asked=asked)
    captions = Caption.objects.filter(image__in=images.order_by()).order_by(
        bytewise("image__image_id"), bytewise("text"), "position"
    )
    yield from captions.values_list("image__image_id", "text", "position").iterator(BATCH)


def query_rows(*, study: Study) -> Iterator[Cells]:
    queries = Query.objects.filter(study=study).order_by(bytewise("query_id"))
    yield from queries.values_list("query_id", "category__name", "image__image_id", "position")


def assessor_rows(*, study: Study, labels: dict[int, str]) -> Iterator[Cells]:
    people = Participant.objects.filter(study=study).select_related("user")
    for person in sorted(people, key=lambda person: labels[person.pk]):
        yield labels[person.pk], ";".join(person.groups), person.user.is_simulated


def assignment_rows(*, study: Study, labels: dict[int, str]) -> Iterator[Cells]:
    """One row per assignment; `pairs` says whether its tasks are the whole pool of the query."""
    tasks = Task.objects.filter(assignment=OuterRef("pk"), judgments__isnull=True).order_by()
    left = tasks.values("assignment").annotate(n=Count("pk")).values("n")
    pool = PoolEntry.objects.filter(query=OuterRef("query"), sources__isnull=False).order_by()
    n_pool = pool.values("query").annotate(n=Count("pk", distinct=True)).values("n")
    n_tasks = (
        Task.objects.filter(assignment=OuterRef("pk"), entry__sources__isnull=False)
        .order_by()
        .values("assignment")
        .annotate(n=Count("pk", distinct=True))
        .values("n")
    )
    rows = (
        Assignment.objects.filter(query__study=study)
        .annotate(
            n_open=Coalesce(Subquery(left), 0, output_field=IntegerField()),
            n_pool=Coalesce(Subquery(n_pool), 0, output_field=IntegerField()),
            n_tasks=Coalesce(Subquery(n_tasks), 0, output_field=IntegerField()),
        )
        .order_by(_by_label(labels, "participant_id"), bytewise("query__query_id"))
        .values_list(
            "participant_id",
            "query__query_id",
            "common",
            "position",
            "closed_at",
            "n_open",
            "n_pool",
            "n_tasks",
        )
    )
    for person, query_id, common, position, closed_at, n_open, n_pool_, n_tasks_ in rows:
        judged_only = not n_open and n_tasks_ < n_pool_
        covers = ONLY_JUDGED if judged_only else WHOLE_POOL
        yield labels[person], query_id, common, position, closed_at, covers


def _by_label(labels: dict[int, str], path: str) -> Case | F:
    """Order by what assessors are called in this release."""
    if not labels:
        return F(path)
    in_order = sorted(labels, key=lambda pk: labels[pk])
    return Case(
        *(When(**{path: pk}, then=place) for place, pk in enumerate(in_order)),
        default=len(in_order),
        output_field=IntegerField(),
    )


def judgment_rows(
    *, study: Study, labels: dict[int, str], as_of: int, history: bool
) -> Iterator[Cells]:
    """Current judgments, or with `history` every revision, up to the id `as_of`."""
    judgments = (
        Judgment.objects.of_study(study).filter(id__lte=as_of)
        if history
        else current_judgments(study=study, as_of=as_of)
    )
    participant = "task__assignment__participant_id"
    rows = judgments.order_by(
        bytewise("task__assignment__query__query_id"),
        bytewise("task__entry__image__image_id"),
        _by_label(labels, participant),
        "revision",
    ).values_list(
        "task__assignment__query__query_id",
        "task__entry__image__image_id",
        participant,
        "level",
        "unjudgeable",
        "active_ms",
        "hidden_ms",
        "sequence",
        "submitted_at",
        "revision",
        "guideline_version",
        "client_time",
        "note",
    )
    for query_id, image_id, person, level, reason, *rest in rows.iterator(chunk_size=BATCH):
        status = JUDGED if level is not None else f"{UNJUDGEABLE}{reason}"
        yield (query_id, image_id, labels[person], level, status, *rest)


def judge_qrels_rows(
    *, study: Study, labels: dict[int, str], as_of: int
) -> Iterator[tuple[str, str, str, int]]:
    """(query_id, assessor, image_id, level), by query and assessor."""
    participant = "task__assignment__participant_id"
    rows = (
        current_judgments(study=study, as_of=as_of)
        .filter(level__isnull=False)
        .order_by(
            bytewise("task__assignment__query__query_id"),
            _by_label(labels, participant),
            bytewise("task__entry__image__image_id"),
        )
        .values_list(
            "task__assignment__query__query_id",
            participant,
            "task__entry__image__image_id",
            "level",
        )
    )
    for query_id, person, image_id, level in rows.iterator(chunk_size=BATCH):
        assert level is not None  # noqa: S101  filtered above
        yield query_id, labels[person], image_id, level


def pool_rows(*, study: Study) -> Iterator[Cells]:
    sources = PoolSource.objects.filter(entry__query__study=study).order_by(
        bytewise("entry__query__query_id"), bytewise("entry__image__image_id"), bytewise("method")
    )
    yield from sources.values_list(
        "entry__query__query_id", "entry__image__image_id", "method", "rank", "score"
    ).iterator(chunk_size=BATCH)


def run_of(*, study: Study, method: str) -> Iterator[tuple[str, list[int], list[float]]]:
    """A method's rankings: query_id, primary keys of images, scores; by query."""
    rankings = Ranking.objects.filter(query__study=study, method=method).order_by(
        bytewise("query__query_id")
    )
    yield from rankings.values_list("query__query_id", "images", "scores").iterator(chunk_size=50)


def ranking_versions(*, study: Study) -> dict[str, dict[str, Any]]:
    """For each method the version of the space that was searched: `all`, or which queries."""
    found: dict[str, dict[str, list[str]]] = {}
    rows = (
        Ranking.objects.filter(query__study=study)
        .exclude(images=[])
        .order_by(bytewise("method"), bytewise("query__query_id"))
        .values_list("method", "version", "query__query_id")
    )
    for method, version, query_id in rows:
        found.setdefault(method, {}).setdefault(version, []).append(query_id)
    return {
        method: (
            dict.fromkeys(versions, "all")
            if len(versions) == 1
            else {version: versions[version] for version in sorted(versions)}
        )
        for method, versions in found.items()
    }


def foreign_runs(*, study: Study) -> list[dict[str, Any]]:
    """Where the runs of foreign methods come from, by method; without who imported them."""
    runs = study.foreign_runs.filter(method__in=study.methods).order_by(bytewise("method"))
    return [
        {
            "method": run.method,
            "file_name": run.file_name,
            "sha256": run.sha256,
            "n_lines": run.n_lines,
            "in_pools": run.in_pools,
            "imported_at": iso_utc(run.imported_at),
        }
        for run in runs
    ]


def image_ids(*, study: Study) -> dict[int, str]:
    """image_id by primary key, of every image that may stand in a ranking or pool."""
    return dict(
        release_images(collection=study.collection, asked=asked_about(study=study))
        .order_by()
        .values_list("pk", "image_id")
        .iterator(chunk_size=BATCH)
    )
