"""A study's judgments, rankings and pools as arrays, in a constant number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from django.db.models import Case, Count, IntegerField, Max, Q, QuerySet, Value, When

from apps.analytics.compute.agreement import Cut, Ratings, parse_cut
from apps.analytics.compute.precision import NO_IMAGE
from apps.assessment.models import Judgment, Participant, Task
from apps.common.errors import InvalidError
from apps.retrieval.models import PoolSource, Ranking
from apps.studies.models import Category, Query, Study

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
BATCH = 2_000


class InvalidScaleError(InvalidError):
    """A study's scale or cuts cannot be used."""

    code = "invalid_scale"


@dataclass(frozen=True)
class CategoryRow:
    name: str
    groups: tuple[str, ...]
    n_planned: int
    n_unjudgeable: int


@dataclass(frozen=True)
class StudyData:
    """All that a report is computed from; images are known by their primary keys.

    Attributes:
        categories: in the study's order.
        query_ids: (queries,) in the study's order.
        category: (queries,) index into `categories`.
        assessors: (raters,) pseudonyms, or what the reader asked to call them.
        ratings: current judgments that are levels.
        item_image: (items,) image of each item of `ratings`.
        methods: names, in the order of the report.
        rankings: (methods, queries, depth), filled up with `NO_IMAGE`.
        found: (queries, methods) pool entries that the method found.
        unique: (queries, methods) pool entries that only this method found.
        n_pairs: (queries,) pool entries that any method found.
    """

    study: Study
    levels: Ints
    cuts: tuple[Cut, ...]
    relevance: Cut
    categories: list[CategoryRow]
    query_ids: list[str]
    category: Ints
    assessors: list[str]
    ratings: Ratings
    item_image: Ints
    methods: list[str]
    rankings: Ints
    found: Ints
    unique: Ints
    n_pairs: Ints

    @property
    def relevant_from(self) -> int:
        """The lowest level that counts as relevant."""
        assert self.relevance.similar_from is not None  # noqa: S101  a cut, never `exact`
        return int(self.levels[self.relevance.similar_from])

    def scopes(self) -> list[tuple[str, Bools]]:
        """Each category, then `all`, with the queries it covers: (queries,) flags."""
        one_by_one = [
            (row.name, self.category == number) for number, row in enumerate(self.categories)
        ]
        return [*one_by_one, ("all", np.ones(len(self.query_ids), bool))]


def current_judgments(*, study: Study, as_of: int | None = None) -> QuerySet[Judgment]:
    """Judgments that no later one replaced, or had replaced when `as_of` was the newest id.

    Judgments are only ever added, so an id names a state of the study that stays readable
    while people go on judging.
    """
    judgments = Judgment.objects.of_study(study)
    if as_of is None:
        return judgments.current()
    return judgments.filter(Q(revised_by__isnull=True) | Q(revised_by__id__gt=as_of), id__lte=as_of)


def newest_judgment(*, study: Study) -> int:
    """Id of the newest judgment, 0 when there is none: a state to read the study at."""
    return Judgment.objects.of_study(study).aggregate(newest=Max("id"))["newest"] or 0


def scale_of(*, study: Study) -> tuple[Ints, tuple[Cut, ...], Cut]:
    """The study's levels in rising order, its cuts and the cut that decides relevance.

    Raises:
        InvalidScaleError: they do not fit together.
    """
    levels = sorted(int(entry["level"]) for entry in study.scale)
    try:
        cuts = tuple(parse_cut(name, levels=levels) for name in study.aggregations)
        relevance = parse_cut(study.relevance, levels=levels)
    except ValueError as error:
        raise InvalidScaleError(f"The scale of {study.slug}: {error}.") from error
    if relevance.similar_from is None:
        raise InvalidScaleError(f"{study.slug}: relevance needs a cut in two, not `exact`.")
    return np.asarray(levels, np.int64), cuts, relevance


def read_study_data(
    *, study: Study, as_of: int | None = None, labels: Mapping[int, str] | None = None
) -> StudyData:
    """Read everything a report needs; the number of queries does not depend on the study.

    Args:
        study: which one.
        as_of: as in `current_judgments`.
        labels: what to call participants, by primary key; their pseudonyms when missing.
    """
    levels, cuts, relevance = scale_of(study=study)
    queries = list(
        Query.objects.filter(study=study)
        .order_by("position")
        .values_list("pk", "query_id", "category_id")
    )
    number_of_query = {pk: number for number, (pk, _, _) in enumerate(queries)}
    categories, number_of_category = _read_categories(study=study, as_of=as_of)
    participants = sorted(  # here, not in the database, whose order of letters may differ
        (
            (pk, labels[pk] if labels else pseudonym)
            for pk, pseudonym in Participant.objects.filter(study=study)
            .order_by()
            .values_list("pk", "pseudonym")
        ),
        key=lambda row: row[1],
    )
    ratings, item_image = _read_ratings(
        study=study,
        as_of=as_of,
        query_pks=[pk for pk, _, _ in queries],
        rater_pks=[pk for pk, _ in participants],
        levels=levels,
    )
    methods = list(study.methods)
    rankings = _read_rankings(study=study, methods=methods, number_of_query=number_of_query)
    found, unique, n_pairs = _read_pools(
        study=study, methods=methods, query_pks=[pk for pk, _, _ in queries]
    )
    return StudyData(
        study=study,
        levels=levels,
        cuts=cuts,
        relevance=relevance,
        categories=categories,
        query_ids=[query_id for _, query_id, _ in queries],
        category=np.asarray([number_of_category[pk] for _, _, pk in queries], np.int64),
        assessors=[name for _, name in participants],
        ratings=ratings,
        item_image=item_image,
        methods=methods,
        rankings=rankings,
        found=found,
        unique=unique,
        n_pairs=n_pairs,
    )


def _read_categories(
    *, study: Study, as_of: int | None
) -> tuple[list[CategoryRow], dict[int, int]]:
    planned = dict(
        Task.objects.filter(assignment__query__study=study)
        .values_list("assignment__query__category_id")
        .annotate(n=Count("pk"))
    )
    unjudgeable = dict(
        current_judgments(study=study, as_of=as_of)
        .filter(level__isnull=True)
        .order_by()
        .values_list("task__assignment__query__category_id")
        .annotate(n=Count("pk"))
    )
    rows, number_of = [], {}
    categories = Category.objects.filter(study=study).order_by("position")
    for number, category in enumerate(categories.prefetch_related("groups")):
        number_of[category.pk] = number
        rows.append(
            CategoryRow(
                name=category.name,
                groups=tuple(sorted(group.name for group in category.groups.all())),
                n_planned=planned.get(category.pk, 0),
                n_unjudgeable=unjudgeable.get(category.pk, 0),
            )
        )
    return rows, number_of


def _places(keys: Sequence[int]) -> tuple[Ints, Ints]:
    """Sorted keys and, for each, its place in the given order: a map by searchsorted."""
    order = np.argsort(np.asarray(keys, np.int64), kind="stable")
    return np.asarray(keys, np.int64)[order], order.astype(np.int64)


def _read_ratings(
    *,
    study: Study,
    as_of: int | None,
    query_pks: Sequence[int],
    rater_pks: Sequence[int],
    levels: Ints,
) -> tuple[Ratings, Ints]:
    rows = np.fromiter(
        current_judgments(study=study, as_of=as_of)
        .filter(level__isnull=False)
        .order_by()
        .values_list(
            "task__assignment__query_id",
            "task__entry__image_id",
            "task__assignment__participant_id",
            "level",
        )
        .iterator(chunk_size=BATCH),
        dtype=[("query", "i8"), ("image", "i8"), ("rater", "i8"), ("level", "i8")],
    )
    query_keys, query_places = _places(query_pks)
    rater_keys, rater_places = _places(rater_pks)
    if not len(rows):
        none = np.zeros(0, np.int64)
        return (
            Ratings(none, none, none, none, len(rater_pks), len(query_pks), len(levels)),
            none,
        )
    query = query_places[np.searchsorted(query_keys, rows["query"])]
    rater = rater_places[np.searchsorted(rater_keys, rows["rater"])]
    n_images = int(rows["image"].max()) + 1
    items, item = np.unique(query * n_images + rows["image"], return_inverse=True)
    level = np.searchsorted(levels, rows["level"])
    if not np.isin(rows["level"], levels).all():
        raise InvalidScaleError(f"{study.slug} has a judgment that is not on its scale.")
    return (
        Ratings(
            item=item,
            rater=rater,
            level=level,
            query=items // n_images,
            n_raters=len(rater_pks),
            n_queries=len(query_pks),
            n_levels=len(levels),
        ),
        items % n_images,
    )


def _read_rankings(
    *, study: Study, methods: Sequence[str], number_of_query: dict[int, int]
) -> Ints:
    stored = (
        Ranking.objects.filter(query__study=study, method__in=methods)
        .order_by()
        .values_list("query_id", "method", "images")
    )
    rows = [  # as arrays at once: lists of numbers would take ten times the memory
        (query_pk, method, np.asarray(images, np.int64))
        for query_pk, method, images in stored.iterator(chunk_size=100)
    ]
    depth = max((len(images) for _, _, images in rows), default=0)
    rankings = np.full((len(methods), len(number_of_query), depth), NO_IMAGE, np.int64)
    number_of_method = {name: number for number, name in enumerate(methods)}
    for query_pk, method, images in rows:
        rankings[number_of_method[method], number_of_query[query_pk], : len(images)] = images
    return rankings


def _read_pools(
    *, study: Study, methods: Sequence[str], query_pks: Sequence[int]
) -> tuple[Ints, Ints, Ints]:
    sources = PoolSource.objects.filter(entry__query__study=study).order_by()
    number = Case(
        *(When(method=name, then=Value(at)) for at, name in enumerate(methods)),
        default=Value(len(methods)),
        output_field=IntegerField(),
    )
    rows = np.fromiter(
        sources.values_list("entry__query_id", "entry_id", number).iterator(chunk_size=BATCH),
        dtype=[("query", "i8"), ("entry", "i8"), ("method", "i8")],
    )
    shape = (len(query_pks), len(methods) + 1)
    if not len(rows):
        zeros = np.zeros(shape, np.int64)[:, :-1]
        return zeros, zeros, np.zeros(len(query_pks), np.int64)
    keys, places = _places(query_pks)
    query = places[np.searchsorted(keys, rows["query"])]
    _, first, entry, n_sources = np.unique(
        rows["entry"], return_index=True, return_inverse=True, return_counts=True
    )
    cell = query * shape[1] + rows["method"]
    found = np.bincount(cell, minlength=shape[0] * shape[1]).reshape(shape)
    alone = n_sources[entry] == 1
    unique = np.bincount(cell[alone], minlength=shape[0] * shape[1]).reshape(shape)
    n_pairs = np.bincount(query[first], minlength=shape[0])
    return found[:, :-1], unique[:, :-1], n_pairs
