"""Programs that stand in for people, in a copy of a study that says so everywhere."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from django.db import transaction

from apps.accounts.models import Role, User
from apps.accounts.services import record_event
from apps.assessment.compute import simulation as programs
from apps.assessment.models import Judgment, Participant, Task
from apps.assessment.selectors import NoAssessorsError
from apps.assessment.services.copying import CopyExistsError, copy_study
from apps.assessment.services.judging import recount_progress
from apps.assessment.services.planning import plan_assignments
from apps.catalog.models import Image
from apps.common.errors import InvalidError
from apps.studies.models import Study
from apps.studies.services import close_study

BATCH = 2_000
# A fixed day: the same study and seed give the same rows whenever they are made.
STARTS_AT = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)


@dataclass(frozen=True)
class Simulation:
    """How the programs judge.

    Attributes:
        accuracy: probability that an answer is the true level, 0..1.
        bias: let each program be lenient, strict or neither when it errs.
        pace_ms: median time of a judgment.
        seed: decides all that is random.
        same: level by metadata column in which query and candidate agree; empty: truth is
            invented from the seed.
        share: of every program's pairs that it judges, 0..1, the first ones of its own order.
        starts_at: when each of them begins.
        labels: the columns are labels that stand in for people: no errors are added.
    """

    accuracy: float = 0.85
    bias: bool = False
    pace_ms: int = 4_000
    seed: int = 0
    same: Mapping[str, int] = field(default_factory=dict)
    share: float = 1.0
    starts_at: datetime = STARTS_AT
    labels: bool = False


@transaction.atomic
def simulate_assessors(
    *,
    study: Study,
    slug: str,
    simulation: Simulation,
    simulated_at: datetime,
    actor: User | None,
    assessors_per_group: int | None = None,
) -> Study:
    """Copy a study with its pools and rankings, plan it for programs, and let them judge.

    The study itself is not touched. The copy (`is_simulated`, with `provenance`), its people
    (`is_simulated`, without passwords, in no group) and its name say what they are. Rows go in by
    batches through the constraints and triggers that people's judgments go through; each batch
    has an audit event. All or nothing.

    Args:
        study: with pools; in any state.
        slug: of the copy.
        simulation: how the programs judge.
        simulated_at: for the audit log and as the copy's date.
        actor: who asked; None for the command line.
        assessors_per_group: as many programs in every group; None takes one for every person
            that the groups have, with the same groups, or two per group while they have nobody.

    Raises:
        CopyExistsError: there is a study of that name, or people of the copy's names.
        NoPoolsError: the study has no pools.
        NoAssessorsError: no category names a group.
        InvalidError: an option is out of bounds, or names a column that no image has.
    """
    _check(simulation, assessors_per_group)
    _check_columns(study, simulation)
    kind = "labels" if simulation.labels else "simulated"
    copy = copy_study(
        study=study,
        slug=slug,
        name=f"{study.name} ({kind})",
        provenance={"kind": kind, "study": study.slug, **_settings_of(simulation)},
        copied_at=simulated_at,
    )
    members = _make_people(study, copy, assessors_per_group)
    plan_assignments(study=copy, planned_at=simulated_at, actor=actor, members=members)
    truth = _Truth(copy, simulation)
    for participant in copy.participants.order_by("pseudonym"):
        rows = iter(_judgments_of(participant, simulation, truth))
        while some := list(islice(rows, BATCH)):
            Judgment.objects.bulk_create(some)
            record_event(
                actor=actor,
                action="judgment.simulate",
                object=f"study:{copy.slug}",
                at=simulated_at,
                detail={
                    "assessor": participant.pseudonym,
                    "first": some[0].sequence,
                    "last": some[-1].sequence,
                },
            )
    recount_progress(study=copy)
    copy.refresh_from_db()
    if simulation.share == 1:
        copy = close_study(study=copy, closed_at=simulated_at, closed_by=actor)
    return copy


def _check(simulation: Simulation, assessors_per_group: int | None) -> None:
    for name, value in (("accuracy", simulation.accuracy), ("share", simulation.share)):
        if not 0 <= value <= 1:  # also refuses NaN
            raise InvalidError(f"The {name} must be from 0 to 1, got {value}.", field=name)
    if not 1 <= simulation.pace_ms <= 3_600_000:
        raise InvalidError("The pace must be from 1 ms to an hour.", field="pace_ms")
    if assessors_per_group is not None and not 1 <= assessors_per_group <= 1_000:
        raise InvalidError(
            "A group must have 1 to 1,000 simulated assessors.", field="assessors_per_group"
        )
    if simulation.labels and not simulation.same:
        raise InvalidError(
            "Labels can only stand in for people when columns are named: --same COLUMN=LEVEL.",
            field="same",
        )


def _check_columns(study: Study, simulation: Simulation) -> None:
    levels = {item["level"] for item in study.scale}
    for column, level in simulation.same.items():
        if level not in levels:
            raise InvalidError(
                f"The column {column!r} stands for level {level}, which the study's scale "
                f"({min(levels)} to {max(levels)}) does not have.",
                field="same",
            )
    if not simulation.same:
        return
    known: set[str] = set()
    for metadata in study.collection.images.values_list("metadata", flat=True).iterator():
        known.update(metadata)
        if known.issuperset(simulation.same):
            return
    missing = next(column for column in simulation.same if column not in known)
    there = f"there are: {', '.join(sorted(known))}" if known else "they have none"
    raise InvalidError(f"No image has a column {missing!r}; {there}.", field="same")


def _settings_of(simulation: Simulation) -> dict[str, Any]:
    settings = asdict(simulation) | {"starts_at": simulation.starts_at.isoformat()}
    return settings | ({"accuracy": 1.0, "bias": False} if simulation.labels else {})


def _make_people(study: Study, copy: Study, number: int | None) -> dict[str, list[User]]:
    """By group, programs in the place of its people."""
    names = sorted(
        study.categories.filter(groups__isnull=False)
        .values_list("groups__name", flat=True)
        .distinct()
    )
    if not names:
        raise NoAssessorsError(
            f"No category of {study.slug!r} names a group of assessors.", field="groups"
        )
    people = User.objects.filter(
        is_active=True, is_simulated=False, groups_of_expertise__name__in=names
    )
    places: list[list[str]] = []
    if number is None:
        for person in people.distinct().order_by("username"):
            own = person.groups_of_expertise.values_list("name", flat=True)
            places.append(sorted(set(own) & set(names)))
    taken = {name for groups in places for name in groups}
    places += [[name] for name in names if name not in taken for _ in range(number or 2)]
    usernames = [f"{copy.slug}-{place:02d}" for place in range(1, len(places) + 1)]
    if User.objects.filter(username__in=usernames).exists():
        raise CopyExistsError(
            f"There are people named {usernames[0]}, ... already: name another copy.", field="copy"
        )
    members: dict[str, list[User]] = {name: [] for name in names}
    for username, groups in zip(usernames, places, strict=True):
        number_and_groups = f"{username.rpartition('-')[2]} ({', '.join(groups)})"
        user = User(
            username=username,
            display_name=f"Simulated {number_and_groups}"[:100],
            role=Role.ASSESSOR,
            is_simulated=True,
        )
        user.set_unusable_password()
        user.save()
        for name in groups:
            members[name].append(user)
    return members


class _Truth:
    """The true level of every pair, from labels or from the seed."""

    def __init__(self, study: Study, simulation: Simulation) -> None:
        self._levels = sorted(item["level"] for item in study.scale)
        self._simulation = simulation
        self._columns: dict[int, dict[str, Any]] = {}
        if simulation.same:
            rows = Image.objects.filter(collection=study.collection_id)
            for pk, metadata in rows.order_by().values_list("pk", "metadata").iterator():
                self._columns[pk] = {name: metadata.get(name) for name in simulation.same}

    @property
    def levels(self) -> Sequence[int]:
        return self._levels

    def of(self, *, query: int, candidate: int, query_id: str, image_id: str) -> int:
        if self._simulation.same:
            return programs.level_of_labels(
                self._columns[query],
                self._columns[candidate],
                same=self._simulation.same,
                lowest=self._levels[0],
            )
        return programs.invented_level(
            levels=self._levels,
            seed=self._simulation.seed,
            query_id=query_id,
            image_id=image_id,
        )


def _judgments_of(participant: Participant, how: Simulation, truth: _Truth) -> Iterator[Judgment]:
    """One program's judgments, in its own order, one after the other on its clock."""
    accuracy = 1.0 if how.labels else how.accuracy
    leaning = programs.leaning_of(assessor=participant.pseudonym, seed=how.seed) if how.bias else 0
    now = how.starts_at
    namespace = uuid5(NAMESPACE_URL, f"likeness:{participant.study.slug}:{participant.pseudonym}")
    tasks = (
        Task.objects.filter(assignment__participant=participant)
        .order_by("assignment__position", "position")
        .values_list(
            "pk",
            "assignment__query__query_id",
            "assignment__query__image__pk",
            "assignment__query__category__guideline_version",
            "entry__image__pk",
            "entry__image__image_id",
        )
    )
    wanted = math.floor(how.share * participant.n_tasks + 1e-9)
    for sequence, row in enumerate(tasks[:wanted], start=1):
        task, query_id, query, guideline_version, candidate, image_id = row
        draw = (how.seed, participant.pseudonym, query_id, image_id)
        took = programs.active_ms(pace_ms=how.pace_ms, draw=draw)
        now += timedelta(milliseconds=took)
        yield Judgment(
            uuid=uuid5(namespace, str(sequence)),
            task_id=task,
            participant=participant,
            level=programs.answer(
                truth.of(query=query, candidate=candidate, query_id=query_id, image_id=image_id),
                levels=truth.levels,
                accuracy=accuracy,
                leaning=leaning,
                draw=draw,
            ),
            active_ms=took,
            hidden_ms=0,
            submitted_at=now,
            sequence=sequence,
            guideline_version=guideline_version,
        )
