"""Reads about studies and their queries."""

import difflib
from dataclasses import dataclass

from django.db.models import Count, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from apps.accounts.models import ExpertiseGroup
from apps.common.errors import NotFoundError
from apps.studies.design import CategoryDesign, QueryDesign, StudyDesign
from apps.studies.models import Category, Query, Study
from apps.studies.protocols import PROTOCOLS


class UnknownStudyError(NotFoundError):
    code = "unknown_study"


@dataclass(frozen=True)
class Notice:
    """Something about a study that its admin should know."""

    code: str
    text: str


def studies() -> QuerySet[Study]:
    """Studies with categories, groups and counts; a list costs no query per study.

    `n_pairs` are the pairs of all pools, `n_judgments_planned` what assessors are to give and
    `n_judged` what they have given. The pools and tasks live floors above: only their names in
    queries are used here.
    """
    return (
        Study.objects.select_related("collection")
        .prefetch_related(Prefetch("categories", queryset=_categories()))
        .annotate(
            n_queries=_number("pk"),
            n_pairs=_number("pool"),
            n_judgments_planned=_number("assignments__tasks"),
            n_judged=_number(
                "assignments__tasks",
                filter=Q(assignments__tasks__judgments__isnull=False),
                distinct=True,
            ),
        )
        .order_by("slug")
    )


def _categories() -> QuerySet[Category]:
    groups = ExpertiseGroup.objects.annotate(
        n_assessors=Count("members", filter=Q(members__is_active=True))
    )
    queries = Query.objects.filter(category=OuterRef("pk")).order_by().values("category")
    return Category.objects.annotate(
        n_queries=Coalesce(
            Subquery(queries.annotate(n=Count("pk")).values("n")), 0, output_field=IntegerField()
        )
    ).prefetch_related(Prefetch("groups", queryset=groups.order_by("name")))


def _number(path: str, **options: object) -> Coalesce:
    """Rows along `path` from a study's queries, as a subquery of its own: joins would multiply."""
    queries = Query.objects.filter(study=OuterRef("pk")).order_by().values("study")
    count = queries.annotate(n=Count(path, **options)).values("n")  # type: ignore[arg-type]
    return Coalesce(Subquery(count), Value(0), output_field=IntegerField())


def study_named(*, slug: str) -> Study:
    """The study with its counts.

    Raises:
        UnknownStudyError: there is none.
    """
    study = studies().filter(slug=slug).first()
    if study is None:
        slugs = list(Study.objects.values_list("slug", flat=True))
        raise UnknownStudyError(f"There is no study {slug!r}{_there_is(slug, slugs)}")
    return study


def _there_is(slug: str, slugs: list[str]) -> str:
    if near := difflib.get_close_matches(slug, slugs, n=1, cutoff=0.5):
        return f"; did you mean {near[0]!r}?"
    return f"; there are: {', '.join(slugs[:10])}." if slugs else "; there is none yet."


def queries_of(*, study: Study) -> QuerySet[Query]:
    """In their order, with the image, its captions and the size of the pool."""
    return (
        study.queries.select_related("category", "image")
        .prefetch_related("image__captions")
        .annotate(n_pool=Count("pool"))
        .order_by("position")
    )


def notices_of(*, study: Study) -> list[Notice]:
    """What keeps a study from being planned; give it a row of `studies`."""
    notices = []
    categories = list(study.categories.all())
    if not categories:
        notices.append(Notice("no_categories", "This study has no category yet."))
    for category in categories:
        groups = list(category.groups.all())
        if not category.n_queries:  # type: ignore[attr-defined]
            notices.append(Notice("category_without_queries", f"{category.name} has no query yet."))
        if not groups:
            notices.append(
                Notice("category_without_groups", f"{category.name} names no group yet.")
            )
        elif not any(group.n_assessors for group in groups):  # type: ignore[attr-defined]
            names = ", ".join(group.name for group in groups)
            notices.append(
                Notice(
                    "category_without_assessors",
                    f"Nobody can judge {category.name} yet: "
                    f"its groups ({names}) have no assessors.",
                )
            )
    return notices


def design_of(*, study: Study) -> StudyDesign:
    """The design that makes this study again."""
    default = PROTOCOLS[study.protocol].guidelines if study.protocol in PROTOCOLS else ""
    return StudyDesign(
        name=study.name,
        slug=study.slug,
        collection=study.collection.slug,
        description=study.description,
        protocol=study.protocol,
        methods=tuple(study.methods),
        depth=study.depth,
        overlap=study.overlap,
        seed=study.seed,
        categories=tuple(
            CategoryDesign(
                name=category.name,
                groups=tuple(group.name for group in category.groups.all()),
                guidelines="" if category.guidelines == default else category.guidelines,
            )
            for category in study.categories.prefetch_related("groups").order_by("position")
        ),
        queries=tuple(
            QueryDesign(id=query_id, category=category, image=image)
            for query_id, category, image in study.queries.order_by("position").values_list(
                "query_id", "category__name", "image__image_id"
            )
        ),
    )
