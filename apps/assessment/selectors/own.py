"""What an assessor may see of a study is decided here, and nowhere else."""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Count, Exists, F, OuterRef, QuerySet, Window
from django.db.models.functions import RowNumber

from apps.accounts.models import User
from apps.assessment.models import Assignment, Judgment, Participant, Task
from apps.catalog.models import Image
from apps.common.errors import NotFoundError
from apps.studies.models import Category, Study

PACE_OVER = 50  # judgments: long enough to be calm, short enough to follow the person


@dataclass(frozen=True)
class Progress:
    """Pairs judged, of all the pairs that are planned."""

    done: int
    total: int


@dataclass(frozen=True)
class CategoryProgress:
    name: str
    progress: Progress


@dataclass(frozen=True)
class OwnStudy:
    """A study as one of its assessors sees it in a list."""

    study: Study
    progress: Progress
    pace_ms: int | None
    categories: list[CategoryProgress]


@dataclass(frozen=True)
class Card:
    """A task with all that its page shows: two images and where in the work they stand."""

    task: Task
    query: Image
    candidate: Image
    category: str
    query_number: int
    query_count: int
    candidate_number: int
    candidate_count: int


def participation(*, assessor: User, slug: str) -> Participant:
    """The person's place in a study; a study of others is answered like one that is not there."""
    found = (
        Participant.objects.filter(user=assessor, study__slug=slug).select_related("study").first()
    )
    if found is None:
        raise NotFoundError("You have no study of this name.", field="study")
    return found


def studies_of(*, assessor: User) -> list[OwnStudy]:
    """The assessor's planned studies, open ones first; five queries, however many there are."""
    participants = list(
        Participant.objects.filter(user=assessor)
        .exclude(study__state=Study.State.DRAFT)
        .select_related("study")
        .order_by("study__name", "pk")
    )
    participants.sort(key=lambda own: own.study.state != Study.State.OPEN)
    paces = paces_of(participants=participants)
    categories = _progress_by_category(participants=participants)
    return [
        OwnStudy(
            study=own.study,
            progress=progress_of(participant=own),
            pace_ms=paces.get(own.pk),
            categories=categories[own.pk],
        )
        for own in participants
    ]


def progress_of(*, participant: Participant) -> Progress:
    return Progress(done=participant.n_done, total=participant.n_tasks)


def categories_of(*, participant: Participant) -> QuerySet[Category]:
    """The categories in which this person judges, in the study's order."""
    return (
        Category.objects.filter(queries__assignments__participant=participant)
        .distinct()
        .order_by("position")
    )


def _progress_by_category(
    *, participants: Iterable[Participant]
) -> dict[int, list[CategoryProgress]]:
    """By participant, the categories in the study's order; two queries."""
    where = {"assignment__participant__in": list(participants)}
    key = ("assignment__participant", "assignment__query__category")
    total = Task.objects.filter(**where).order_by().values_list(*key).annotate(n=Count("pk"))
    names = {}
    found: dict[int, list[CategoryProgress]] = defaultdict(list)
    totals = list(total)
    done = {
        (participant, category): n
        for participant, category, n in Judgment.objects.filter(
            participant__in=where["assignment__participant__in"], revision=1
        )
        .order_by()
        .values_list("participant", "task__assignment__query__category")
        .annotate(n=Count("pk"))
    }
    names = Category.objects.in_bulk({category for _, category, _ in totals})
    for participant, category, n in sorted(totals, key=lambda row: names[row[1]].position):
        progress = Progress(done=done.get((participant, category), 0), total=n)
        found[participant].append(CategoryProgress(names[category].name, progress))
    return found


def paces_of(*, participants: Iterable[Participant]) -> dict[int, int]:
    """By participant, the median of the active time of the last `PACE_OVER` judgments, in ms.

    Somebody whose client sent no times has no pace. One query.
    """
    ids = [participant.pk for participant in participants]
    recent = (
        Judgment.objects.filter(participant__in=ids, active_ms__isnull=False)
        .annotate(
            nth=Window(RowNumber(), partition_by=F("participant"), order_by=F("sequence").desc())
        )
        .filter(nth__lte=PACE_OVER)
    )
    times: dict[int, list[int]] = defaultdict(list)
    for participant, active_ms in recent.order_by().values_list("participant", "active_ms"):
        times[participant].append(active_ms or 0)
    return {participant: round(statistics.median(own)) for participant, own in times.items()}


def next_cards(*, participant: Participant, limit: int) -> list[Card]:
    """The next open pairs in the assessor's own order; four queries, whatever the limit.

    Nothing is handed out: asking again gives the same until one of them is judged. A study
    that is not open has none.
    """
    if participant.study.state != Study.State.OPEN:
        return []
    in_order = ("assignment__position", "position")
    open_tasks = Task.objects.filter(
        ~Exists(Judgment.objects.filter(task=OuterRef("pk"))),
        assignment__participant=participant,
        assignment__closed_at__isnull=True,
    ).order_by(*in_order)
    # Which ones first, what they show then: the images of all tasks that are passed over on the
    # way would be looked up for nothing.
    chosen = list(open_tasks.values_list("pk", flat=True)[:limit])
    tasks = (
        Task.objects.filter(pk__in=chosen)
        .select_related("assignment__query__category", "assignment__query__image", "entry__image")
        .order_by(*in_order)
    )
    return cards_of(participant=participant, tasks=list(tasks))


def cards_of(*, participant: Participant, tasks: Sequence[Task]) -> list[Card]:
    """Cards of tasks whose query, category and images are loaded; two queries."""
    n_queries = Assignment.objects.filter(participant=participant).count()
    sizes = dict(
        Task.objects.filter(assignment__in={task.assignment_id for task in tasks})
        .order_by()
        .values_list("assignment")
        .annotate(n=Count("pk"))
    )
    return [
        Card(
            task=task,
            query=task.assignment.query.image,
            candidate=task.entry.image,
            category=task.assignment.query.category.name,
            query_number=task.assignment.position,
            query_count=n_queries,
            candidate_number=task.position,
            candidate_count=sizes[task.assignment_id],
        )
        for task in tasks
    ]


def history_of(*, participant: Participant, limit: int) -> list[tuple[Judgment, Card]]:
    """The assessor's own current judgments, the newest first, each with its card; four queries."""
    # "No later one", not `current()`: for so few rows no database should join whole tables.
    current = Judgment.objects.filter(
        ~Exists(Judgment.objects.filter(revises=OuterRef("pk"))), participant=participant
    ).order_by("-sequence")
    chosen = list(current.values_list("pk", flat=True)[:limit])
    judgments = list(
        Judgment.objects.filter(pk__in=chosen)
        .select_related(
            "task__assignment__query__category",
            "task__assignment__query__image",
            "task__entry__image",
        )
        .order_by("-sequence")
    )
    cards = cards_of(participant=participant, tasks=[judgment.task for judgment in judgments])
    return list(zip(judgments, cards, strict=True))


def may_see_image(user: User, image: Image) -> bool:
    """Whether the image is part of the person's own assignments, as candidate or as query."""
    own = Assignment.objects.filter(participant__user=user)
    return (
        Task.objects.filter(assignment__participant__user=user, entry__image=image).exists()
        or own.filter(query__image=image).exists()
    )
