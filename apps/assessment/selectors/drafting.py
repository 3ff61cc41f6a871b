"""A plan drawn up from a study, its groups and its pools, before any row is written."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from django.db.models import Count

from apps.accounts.models import User
from apps.assessment.compute.ordering import candidate_order, query_order, seeded_order
from apps.assessment.compute.workload import CategoryWork, Workload, plan_workload
from apps.assessment.models import Assignment, Task
from apps.assessment.selectors.overview import PlannedAssessor, PlannedCategory, PlanSummary
from apps.common.errors import ConflictError, InvalidError
from apps.retrieval.models import PoolEntry
from apps.studies.models import Category, Query, Study

QUERIES_AT_ONCE = 50  # whose pools are in memory together


class NoQueriesError(InvalidError):
    code = "no_queries"


class NoPoolsError(ConflictError):
    """A query has no candidates yet."""

    code = "no_pools"


class NoAssessorsError(ConflictError):
    """Nobody may judge a category."""

    code = "no_assessors"


@dataclass(frozen=True)
class PlanMember:
    """Somebody who takes part, before there is a row for it."""

    user: User
    pseudonym: str
    groups: list[str]


@dataclass(frozen=True)
class Place:
    """One assignment to be."""

    pseudonym: str
    query: Query
    common: bool
    position: int


@dataclass(frozen=True)
class DraftPlan:
    study: Study
    categories: list[Category]
    assessors: list[PlanMember]  # by pseudonym
    places: list[Place]  # by query, then pseudonym
    sizes: dict[int, int]  # pairs by query's key
    workload: Workload

    def task_rows(self) -> Iterator[tuple[str, int, int, int]]:
        """(pseudonym, query, entry, position) of every task, by query, pseudonym and position.

        The pools of `QUERIES_AT_ONCE` queries are read at a time.
        """
        of_query: dict[int, list[Place]] = defaultdict(list)
        for place in self.places:
            of_query[place.query.pk].append(place)
        queries = iter(of_query)
        while some := list(islice(queries, QUERIES_AT_ONCE)):
            entries: dict[int, dict[str, int]] = defaultdict(dict)
            rows = PoolEntry.objects.filter(query__in=some).order_by()
            for query, image_id, entry in rows.values_list("query__pk", "image__image_id", "pk"):
                entries[query][image_id] = entry
            for query in some:
                for place in of_query[query]:
                    order = candidate_order(
                        entries[query],
                        seed=self.study.seed,
                        assessor=place.pseudonym,
                        query_id=place.query.query_id,
                    )
                    for position, image_id in enumerate(order, start=1):
                        yield place.pseudonym, query, entries[query][image_id], position


def draft_plan(*, study: Study, members: Mapping[str, Sequence[User]] | None = None) -> DraftPlan:
    """What the study's seed, names, pools and groups make of it.

    Args:
        study: its queries, pools, overlap and seed decide.
        members: by group, who takes part; None for the active people of the groups.

    Raises:
        NoQueriesError: the study has no queries.
        NoPoolsError: a query has no pool.
        NoAssessorsError: a category with queries names no group, or nobody is in its groups.
    """
    categories = list(study.categories.prefetch_related("groups").order_by("position"))
    queries = list(study.queries.order_by("position"))
    pools = PoolEntry.objects.filter(query__study=study).order_by()
    sizes = dict(pools.values_list("query__pk").annotate(n=Count("pk")))
    if not queries:
        raise NoQueriesError(f"The study {study.slug!r} has no queries.", field="queries")
    empty = [query.query_id for query in queries if not sizes.get(query.pk)]
    if empty:
        others = f" and {len(empty) - 3} more have" if len(empty) > 3 else " has"
        if 1 < len(empty) <= 3:
            others = " have"
        raise NoPoolsError(
            f"{', '.join(empty[:3])}{others} no pool yet: "
            f"build the pools first (build_pools {study.slug}).",
            field="pools",
        )
    by_category: dict[int, list[Query]] = defaultdict(list)
    for query in queries:
        by_category[query.category_id].append(query)
    people = {
        category.pk: _people_of(category, members)
        for category in categories
        if by_category[category.pk]
    }
    workload = plan_workload(
        (
            CategoryWork(
                name=category.name,
                assessors=frozenset(people[category.pk]),
                pairs={query.query_id: sizes[query.pk] for query in by_category[category.pk]},
            )
            for category in categories
            if category.pk in people
        ),
        overlap=study.overlap,
        seed=study.seed,
    )
    assessors = _assessors(study, people.values())
    return DraftPlan(
        study=study,
        categories=categories,
        assessors=assessors,
        places=_places(study, queries, people, assessors, workload),
        sizes=sizes,
        workload=workload,
    )


def _people_of(
    category: Category, members: Mapping[str, Sequence[User]] | None
) -> dict[str, tuple[User, set[str]]]:
    """By username, who may judge the category, and by which of its groups."""
    groups = list(category.groups.all())
    if not groups:
        raise NoAssessorsError(
            f"The category {category.name!r} names no group of assessors.", field="groups"
        )
    people: dict[str, tuple[User, set[str]]] = {}
    for group in groups:
        found = (
            members.get(group.name, [])
            if members is not None
            else group.members.filter(is_active=True, is_simulated=False)
        )
        for user in found:
            people.setdefault(user.username, (user, set()))[1].add(group.name)
    if not people:
        names = ", ".join(group.name for group in groups)
        raise NoAssessorsError(
            f"The category {category.name!r} has no assessors: nobody active is in its "
            f"groups ({names}).",
            field="groups",
        )
    return people


def _assessors(
    study: Study, people: Iterable[Mapping[str, tuple[User, set[str]]]]
) -> list[PlanMember]:
    """Everybody once, under pseudonyms A01, A02, ... in an order that says nothing of names."""
    everyone: dict[str, tuple[User, set[str]]] = {}
    for some in people:
        for username, (user, groups) in some.items():
            everyone.setdefault(username, (user, set()))[1].update(groups)
    order = seeded_order(everyone, seed=study.seed, purpose=("pseudonyms",))
    digits = max(2, len(str(len(order))))
    return [
        PlanMember(everyone[name][0], f"A{number:0{digits}d}", sorted(everyone[name][1]))
        for number, name in enumerate(order, start=1)
    ]


def _places(
    study: Study,
    queries: Sequence[Query],
    people: Mapping[int, Mapping[str, object]],
    assessors: Sequence[PlanMember],
    workload: Workload,
) -> list[Place]:
    common = frozenset().union(*workload.common.values())
    mine: dict[str, set[str]] = {assessor.user.username: set() for assessor in assessors}
    for query in queries:
        names = people[query.category_id] if query.query_id in common else ()
        for name in names or (workload.dealt[query.query_id],):
            mine[name].add(query.query_id)
    positions = {
        assessor.pseudonym: {
            query_id: position
            for position, query_id in enumerate(
                query_order(
                    mine[assessor.user.username], seed=study.seed, assessor=assessor.pseudonym
                ),
                start=1,
            )
        }
        for assessor in assessors
    }
    return [
        Place(
            pseudonym=assessor.pseudonym,
            query=query,
            common=query.query_id in common,
            position=positions[assessor.pseudonym][query.query_id],
        )
        for query in queries
        for assessor in assessors
        if query.query_id in positions[assessor.pseudonym]
    ]


def summary_of(*, plan: DraftPlan) -> PlanSummary:
    """What `plan_of` would give, were the plan stored."""
    of_person: dict[str, list[Place]] = defaultdict(list)
    of_category: dict[int, list[Place]] = defaultdict(list)
    for place in plan.places:
        of_person[place.pseudonym].append(place)
        of_category[place.query.category_id].append(place)

    def pairs(places: Iterable[Place]) -> int:
        return sum(plan.sizes[place.query.pk] for place in places)

    return PlanSummary(
        state=plan.study.state,
        planned=False,
        seed=plan.study.seed,
        assessors=[
            PlannedAssessor(
                username=assessor.user.username,
                name=assessor.user.name,
                pseudonym=assessor.pseudonym,
                groups=assessor.groups,
                n_queries=len(of_person[assessor.pseudonym]),
                n_common=sum(place.common for place in of_person[assessor.pseudonym]),
                n_pairs=pairs(of_person[assessor.pseudonym]),
            )
            for assessor in plan.assessors
        ],
        categories=[
            PlannedCategory(
                name=category.name,
                n_queries=len({place.query.pk for place in of_category[category.pk]}),
                n_common=len({p.query.pk for p in of_category[category.pk] if p.common}),
                n_assessors=len({place.pseudonym for place in of_category[category.pk]}),
                n_pairs=pairs(of_category[category.pk]),
            )
            for category in plan.categories
        ],
    )


def is_stored(*, plan: DraftPlan) -> bool:
    """Whether the rows are this plan's already, to the last candidate."""
    participants = plan.study.participants.order_by("pseudonym")
    stored = [(own.user_id, own.pseudonym, own.groups) for own in participants]
    if stored != [(own.user.pk, own.pseudonym, own.groups) for own in plan.assessors]:
        return False
    assignments = Assignment.objects.filter(participant__study=plan.study).order_by(
        "query__position", "participant__pseudonym"
    )
    if list(
        assignments.values_list("participant__pseudonym", "query__pk", "common", "position")
    ) != [(place.pseudonym, place.query.pk, place.common, place.position) for place in plan.places]:
        return False
    tasks = (
        Task.objects.filter(assignment__participant__study=plan.study)
        .order_by("assignment__query__position", "assignment__participant__pseudonym", "position")
        .values_list(
            "assignment__participant__pseudonym", "assignment__query__pk", "entry", "position"
        )
    )
    rows = plan.task_rows()
    return all(next(rows, None) == row for row in tasks.iterator()) and next(rows, None) is None
