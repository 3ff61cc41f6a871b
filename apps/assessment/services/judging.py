"""Recording what an assessor says. No broker, cache or worker is on this path."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import Count, Max, Q

from apps.accounts.models import User
from apps.accounts.services import record_event
from apps.assessment.models import Judgment, Participant, Task
from apps.assessment.protocols import protocol_named
from apps.assessment.selectors import Progress
from apps.common.errors import ConflictError, InvalidError, NotFoundError
from apps.studies.models import Study

MOST_MS = 2**31 - 1  # what the column holds: 24 days
LONGEST_NOTE = 2000


class ConflictingRetryError(ConflictError):
    """The client's uuid is known, with another body."""

    code = "conflicting_retry"


class StudyClosedError(ConflictError):
    """The study is not open: its judgments are final."""

    code = "study_closed"


class AlreadyJudgedError(ConflictError):
    """The task has a judgment; only a revision may follow."""

    code = "already_judged"


class StaleRevisionError(ConflictError):
    """Somebody (another tab) revised the same judgment already."""

    code = "stale_revision"


@dataclass(frozen=True)
class Recorded:
    """A judgment, whether this call made it, and how far the assessor was with it."""

    judgment: Judgment
    created: bool
    progress: Progress


@transaction.atomic
def record_judgment(
    *,
    uuid: UUID,
    task_id: UUID,
    assessor: User,
    submitted_at: datetime,
    level: object = None,
    unjudgeable: object = None,
    note: str = "",
    active_ms: int | None = None,
    hidden_ms: int | None = None,
    client_time: datetime | None = None,
    revises: UUID | None = None,
) -> Recorded:
    """Store one answer, exactly once however often it is sent.

    The client makes the uuid. The same uuid with the same body gives the first answer again,
    also when the study has been closed since. A judgment is never changed: a revision is a new
    one that names the one it replaces. Six queries; the participant's row is locked, so that
    one assessor's sequence numbers have no gap and no double.

    Args:
        uuid: the idempotency key.
        task_id: the uuid of one of the assessor's own tasks.
        assessor: who answers.
        submitted_at: the server's clock.
        level: one of the study's levels, as it came in.
        unjudgeable: the code of a reason, as it came in; instead of a level.
        note: the assessor's own words.
        active_ms: how long the pair was looked at, 0 to `MOST_MS`.
        hidden_ms: how long its page was out of sight, likewise.
        client_time: stored, and used for nothing.
        revises: uuid of the judgment that this one replaces.

    Raises:
        NotFoundError: the task, or the judgment to be revised, is not the assessor's own.
        InvalidError: the protocol refuses the answer, or a time or the note is out of bounds.
        ConflictingRetryError: the uuid is known with another body.
        StudyClosedError: the study is not open, or the assignment was closed.
        AlreadyJudgedError: the task has a judgment and `revises` is not given.
        StaleRevisionError: `revises` was itself revised before.
    """
    study = _hold_study(task_id=task_id, assessor=assessor)
    task = _lock_participant(task_id=task_id, assessor=assessor)
    participant = task.assignment.participant
    answer = protocol_named(study.protocol).check_answer(
        scale=study.scale, level=level, unjudgeable=unjudgeable
    )
    _check_bounds(note=note, active_ms=active_ms, hidden_ms=hidden_ms)
    body_sha256 = fingerprint(
        task_id=task_id,
        level=answer.level,
        unjudgeable=answer.unjudgeable,
        note=note,
        active_ms=active_ms,
        hidden_ms=hidden_ms,
        client_time=client_time,
        revises=revises,
    )
    # Under the lock: the same uuid on two connections is seen by the second.
    known = list(
        Judgment.objects.filter(Q(uuid=uuid) | Q(task=task))
        .select_related("revises")
        .order_by("revision")
    )
    for judgment in known:
        if judgment.uuid == uuid:
            return _first_answer(judgment, participant, body_sha256)
    if study.state != Study.State.OPEN:
        raise StudyClosedError("This study is not open: its judgments are final.")
    if task.assignment.closed_at is not None:
        raise StudyClosedError("This part of your work was closed: its judgments are final.")
    before = _predecessor(known, revises=revises, participant=participant)
    try:
        judgment = Judgment.objects.create(
            uuid=uuid,
            task=task,
            participant=participant,
            level=answer.level,
            unjudgeable=answer.unjudgeable,
            note=note,
            active_ms=active_ms,
            hidden_ms=hidden_ms,
            client_time=client_time,
            submitted_at=submitted_at,
            sequence=participant.last_sequence + 1,
            revision=before.revision + 1 if before else 1,
            revises=before,
            guideline_version=task.assignment.query.category.guideline_version,
            body_sha256=body_sha256,
        )
    except IntegrityError as error:
        if "uuid" not in str(error):
            raise
        # The lock excludes all but a uuid that another person's client sent in this moment.
        raise ConflictingRetryError(
            "This judgment was sent before, with another answer."
        ) from error
    participant.last_sequence += 1
    participant.n_done += before is None
    participant.save(update_fields=["last_sequence", "n_done"])
    record_event(
        actor=assessor,
        action="judgment.revise" if before else "judgment.submit",
        object=f"judgment:{uuid}",
        at=submitted_at,
        detail={"study": study.slug, "task": str(task_id), "sequence": judgment.sequence},
    )
    return Recorded(judgment, True, Progress(participant.n_done, participant.n_tasks))


def fingerprint(**fields: Any) -> str:
    """SHA-256 of an answer: the same whatever the order or the spelling of the JSON it came in."""
    canonical = json.dumps(
        fields,
        sort_keys=True,
        separators=(",", ":"),
        default=lambda value: value.isoformat() if isinstance(value, datetime) else str(value),
    )
    return hashlib.sha256(canonical.encode()).hexdigest()


@transaction.atomic
def recount_progress(*, study: Study) -> int:
    """Derive the participants' counts from their tasks and judgments; returns how many changed.

    For whatever writes tasks or judgments in bulk (an imported release, a simulation).
    """
    Study.objects.select_for_update().get(pk=study.pk)
    n_tasks = dict(
        Task.objects.filter(assignment__participant__study=study)
        .order_by()
        .values_list("assignment__participant")
        .annotate(n=Count("pk"))
    )
    judged = {
        participant: (done, last)
        for participant, done, last in Judgment.objects.filter(participant__study=study)
        .order_by()
        .values_list("participant")
        .annotate(done=Count("pk", filter=Q(revision=1)), last=Max("sequence"))
    }
    changed = []
    for participant in study.participants.select_for_update().order_by("pk"):
        done, last = judged.get(participant.pk, (0, 0))
        counts = (n_tasks.get(participant.pk, 0), done, last)
        if counts != (participant.n_tasks, participant.n_done, participant.last_sequence):
            participant.n_tasks, participant.n_done, participant.last_sequence = counts
            changed.append(participant)
    Participant.objects.bulk_update(changed, ["n_tasks", "n_done", "last_sequence"], batch_size=500)
    return len(changed)


def _hold_study(*, task_id: UUID, assessor: User) -> Study:
    """The task's study, which cannot be closed before this transaction ends.

    A shared lock: assessors do not wait for each other, only closing waits for them. SQLite
    needs none, for its transactions that write follow one another.
    """
    own = Study.objects.filter(
        participants__user=assessor, participants__assignments__tasks__uuid=task_id
    )
    if connection.vendor == "sqlite":
        found = list(own)
    else:
        sql, parameters = own.query.sql_with_params()
        table = connection.ops.quote_name(Study._meta.db_table)
        found = list(Study.objects.raw(f"{sql} FOR SHARE OF {table}", parameters))
    if not found:
        raise _not_yours()
    return found[0]


def _lock_participant(*, task_id: UUID, assessor: User) -> Task:
    """The task; its participant's row is locked until this transaction ends."""
    task = (
        Task.objects.select_for_update(of=("assignment__participant",), no_key=True)
        .select_related("assignment__participant", "assignment__query__category")
        .filter(uuid=task_id, assignment__participant__user=assessor)
        .first()
    )
    if task is None:
        raise _not_yours()
    return task


def _not_yours() -> NotFoundError:
    return NotFoundError("You have no task of this number.", field="task_id")


def _check_bounds(*, note: str, active_ms: int | None, hidden_ms: int | None) -> None:
    for field, value in (("active_ms", active_ms), ("hidden_ms", hidden_ms)):
        if value is not None and (type(value) is not int or not 0 <= value <= MOST_MS):
            raise InvalidError(
                f"The time must be a whole number of milliseconds from 0 to {MOST_MS}.",
                field=field,
            )
    if len(note) > LONGEST_NOTE:
        raise InvalidError(
            f"A note has at most {LONGEST_NOTE:,} characters, this has {len(note):,}.",
            field="note",
        )
    if "\0" in note:
        raise InvalidError("A note cannot hold a NUL character.", field="note")


def _first_answer(judgment: Judgment, participant: Participant, body_sha256: str) -> Recorded:
    if judgment.participant_id != participant.pk or judgment.body_sha256 != body_sha256:
        raise ConflictingRetryError(
            "This judgment was sent before, with another answer; the first one stands.",
            field="uuid",
        )
    # As it was then: the answer to a known uuid is the first answer.
    done = Judgment.objects.filter(
        participant=participant, revision=1, sequence__lte=judgment.sequence
    ).count()
    return Recorded(judgment, False, Progress(done, participant.n_tasks))


def _predecessor(
    known: list[Judgment], *, revises: UUID | None, participant: Participant
) -> Judgment | None:
    """The judgment that the new one replaces, if it may; None for a first judgment."""
    current = known[-1] if known else None
    if revises is None:
        if current is not None:
            raise AlreadyJudgedError(
                "This pair is judged already; to change the answer, send a revision that names "
                "the judgment it replaces.",
                field="revises",
            )
        return None
    if current is not None and current.uuid == revises:
        return current
    if any(judgment.uuid == revises for judgment in known):
        raise StaleRevisionError(
            "This judgment was revised already, perhaps in another tab; look at the newest "
            "answer and revise that one.",
            field="revises",
        )
    if Judgment.objects.filter(uuid=revises, participant=participant).exists():
        raise InvalidError("The judgment to revise is one of another pair.", field="revises")
    raise NotFoundError("You have no judgment of this number.", field="revises")
