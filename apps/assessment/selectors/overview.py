"""How a study is dealt out and how far its assessors are, for its admin."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Max, Q

from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.assessment.selectors.own import CategoryProgress, Progress, paces_of
from apps.studies.models import Study


@dataclass(frozen=True)
class AssessorProgress:
    participant: Participant
    pace_ms: int | None
    last_at: datetime | None
    unjudgeable: int


@dataclass(frozen=True)
class Monitor:
    """How far a study is, for its admin."""

    progress: Progress
    categories: list[CategoryProgress]
    assessors: list[AssessorProgress]


@dataclass(frozen=True)
class PlannedAssessor:
    username: str
    name: str
    pseudonym: str
    groups: list[str]
    n_queries: int
    n_common: int
    n_pairs: int


@dataclass(frozen=True)
class PlannedCategory:
    name: str
    n_queries: int
    n_common: int
    n_assessors: int
    n_pairs: int  # to judge, by all its assessors


@dataclass(frozen=True)
class PlanSummary:
    """A study's plan in numbers; without assessors while there is none."""

    state: str
    planned: bool
    seed: int
    assessors: list[PlannedAssessor]
    categories: list[PlannedCategory]

    @property
    def total_pairs(self) -> int:
        return sum(assessor.n_pairs for assessor in self.assessors)

    @property
    def spread(self) -> int:
        """Most pairs of an assessor less the fewest; 0 without assessors."""
        loads = [assessor.n_pairs for assessor in self.assessors]
        return max(loads) - min(loads) if loads else 0


def monitor_of(*, study: Study) -> Monitor:
    """How far a study's assessors are, counted from the judgments; seven queries."""
    tasks = Task.objects.filter(assignment__query__study=study).order_by()
    judgments = Judgment.objects.filter(participant__study=study).order_by()
    totals = dict(tasks.values_list("assignment__query__category").annotate(n=Count("pk")))
    done = dict(
        judgments.filter(revision=1)
        .values_list("task__assignment__query__category")
        .annotate(n=Count("pk"))
    )
    planned = dict(tasks.values_list("assignment__participant").annotate(n=Count("pk")))
    own = {
        participant: (n, last_at, unjudgeable)
        for participant, n, last_at, unjudgeable in judgments.values_list("participant").annotate(
            done=Count("pk", filter=Q(revision=1)),
            last_at=Max("submitted_at"),
            unjudgeable=Count("pk", filter=Q(level=None, revised_by=None)),
        )
    }
    participants = list(study.participants.select_related("user").order_by("pseudonym"))
    paces = paces_of(participants=participants)
    assessors = []
    for participant in participants:
        participant.n_done, last_at, unjudgeable = own.get(participant.pk, (0, None, 0))
        participant.n_tasks = planned.get(participant.pk, 0)
        assessors.append(
            AssessorProgress(
                participant=participant,
                pace_ms=paces.get(participant.pk),
                last_at=last_at,
                unjudgeable=unjudgeable,
            )
        )
    return Monitor(
        progress=Progress(done=sum(done.values()), total=sum(totals.values())),
        categories=[
            CategoryProgress(
                category.name, Progress(done.get(category.pk, 0), totals.get(category.pk, 0))
            )
            for category in study.categories.order_by("position")
        ],
        assessors=assessors,
    )


def plan_of(*, study: Study) -> PlanSummary:
    """The plan as it is stored; four queries."""
    assignments = list(
        Assignment.objects.filter(participant__study=study)
        .order_by()
        .values_list("participant", "query__category", "query", "common")
        .annotate(n=Count("tasks"))
    )
    participants = list(study.participants.select_related("user").order_by("pseudonym"))
    by_person: dict[int, list[tuple[bool, int]]] = defaultdict(list)
    by_category: dict[int, list[tuple[int, int, bool, int]]] = defaultdict(list)
    for participant, category, query, common, n in assignments:
        by_person[participant].append((common, n))
        by_category[category].append((participant, query, common, n))
    return PlanSummary(
        state=study.state,
        planned=bool(participants),
        seed=study.seed,
        assessors=[
            PlannedAssessor(
                username=own.user.username,
                name=own.user.name,
                pseudonym=own.pseudonym,
                groups=own.groups,
                n_queries=len(by_person[own.pk]),
                n_common=sum(common for common, _ in by_person[own.pk]),
                n_pairs=sum(n for _, n in by_person[own.pk]),
            )
            for own in participants
        ],
        categories=[
            PlannedCategory(
                name=category.name,
                n_queries=category.n_queries,
                n_common=len({query for _, query, common, _ in by_category[category.pk] if common}),
                n_assessors=len({person for person, *_ in by_category[category.pk]}),
                n_pairs=sum(n for *_, n in by_category[category.pk]),
            )
            for category in study.categories.annotate(n_queries=Count("queries")).order_by(
                "position"
            )
        ],
    )
