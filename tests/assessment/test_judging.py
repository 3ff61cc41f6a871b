import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction

from apps.accounts.models import AuditEvent
from apps.assessment import services
from apps.assessment.models import Judgment
from apps.assessment.services.judging import MOST_MS
from apps.common.errors import InvalidError, NotFoundError
from apps.studies.models import Study
from tests.factories import NOON, make_user
from tests.factories.assessment import make_open_study, make_participant, tasks_of

pytestmark = pytest.mark.django_db


def judge(task, number: int = 1, **answer):
    """Judge `task` under the uuid that ends in `number`."""
    participant = task.assignment.participant
    fields = {"level": 3} | answer
    return services.record_judgment(
        uuid=uuid.UUID(int=number),
        task_id=fields.pop("task_id", task.uuid),
        assessor=fields.pop("assessor", participant.user),
        submitted_at=fields.pop("submitted_at", NOON),
        **fields,
    )


@pytest.fixture
def participant():
    return make_open_study()


@pytest.fixture
def tasks(participant):
    return tasks_of(participant)


def test_an_answer_is_stored_with_all_that_came_with_it(participant, tasks):
    client_time = NOON - timedelta(days=1)
    recorded = judge(
        tasks[0], 7, level=4, note="both ribs", active_ms=1500, hidden_ms=0, client_time=client_time
    )
    assert recorded.created
    assert (recorded.progress.done, recorded.progress.total) == (1, 6)
    stored = Judgment.objects.get()
    assert stored.uuid == uuid.UUID(int=7)
    assert (stored.task, stored.participant) == (tasks[0], participant)
    assert (stored.level, stored.unjudgeable, stored.note) == (4, "", "both ribs")
    assert (stored.active_ms, stored.hidden_ms) == (1500, 0)
    assert (stored.client_time, stored.submitted_at) == (client_time, NOON)
    assert (stored.sequence, stored.revision, stored.revises) == (1, 1, None)
    assert stored.guideline_version == 1


def test_a_pair_that_cannot_be_judged_has_a_reason_and_no_level(tasks):
    judge(tasks[0], level=None, unjudgeable="too_small")
    stored = Judgment.objects.get()
    assert (stored.level, stored.unjudgeable) == (None, "too_small")


def test_the_judgment_keeps_the_version_of_the_guidelines_it_was_made_under(tasks):
    category = tasks[0].assignment.query.category
    category.guideline_version = 3
    category.save()
    judge(tasks[0])
    assert Judgment.objects.get().guideline_version == 3


def test_sequence_numbers_follow_the_order_of_arrival_not_of_the_clock(participant, tasks):
    for number, task in enumerate(tasks, start=1):
        judge(task, number, submitted_at=NOON - timedelta(hours=number))
    stored = Judgment.objects.order_by("id")
    assert [judgment.sequence for judgment in stored] == [1, 2, 3, 4, 5, 6]
    participant.refresh_from_db()
    assert (participant.n_done, participant.n_tasks, participant.last_sequence) == (6, 6, 6)


def test_every_judgment_has_its_audit_event_in_the_same_transaction(participant, tasks):
    judge(tasks[0], 1)
    judge(tasks[0], 2, level=5, revises=uuid.UUID(int=1))
    events = AuditEvent.objects.order_by("id")
    assert [event.action for event in events] == ["judgment.submit", "judgment.revise"]
    assert {event.actor for event in events} == {participant.user}
    assert events[1].object == f"judgment:{uuid.UUID(int=2)}"
    assert events[1].detail == {"study": "thorax", "task": str(tasks[0].uuid), "sequence": 2}


def test_without_its_audit_event_there_is_no_judgment(participant, tasks, monkeypatch):
    def fails(**_):
        raise OSError("disk full")

    monkeypatch.setattr("apps.assessment.services.judging.record_event", fails)
    with pytest.raises(OSError, match="disk full"):
        judge(tasks[0])
    assert not Judgment.objects.exists()
    participant.refresh_from_db()
    assert (participant.n_done, participant.last_sequence) == (0, 0)


# --- sending again ------------------------------------------------------------------------------


def test_sending_again_gives_the_first_answer_and_stores_nothing(participant, tasks):
    first = judge(tasks[0], 1, level=4, active_ms=900)
    judge(tasks[1], 2)
    again = judge(tasks[0], 1, level=4, active_ms=900, submitted_at=NOON + timedelta(hours=1))
    assert not again.created
    assert again.judgment == first.judgment
    assert again.judgment.submitted_at == NOON
    assert again.progress == first.progress  # as it was then, not 2 of 6
    assert Judgment.objects.count() == AuditEvent.objects.count() == 2


def test_sending_again_after_the_study_was_closed_still_gives_the_first_answer(participant, tasks):
    first = judge(tasks[0], 1)
    Study.objects.update(state=Study.State.CLOSED)
    assert judge(tasks[0], 1).judgment == first.judgment


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"level": 2}, id="another level"),
        pytest.param({"level": None, "unjudgeable": "other"}, id="a reason instead"),
        pytest.param({"note": "!"}, id="another note"),
        pytest.param({"active_ms": 1}, id="another time"),
        pytest.param({"hidden_ms": 1}, id="another hidden time"),
        pytest.param({"client_time": NOON}, id="another clock"),
        pytest.param({"revises": uuid.UUID(int=9)}, id="now a revision"),
    ],
)
def test_the_same_uuid_with_another_body_is_refused(tasks, other):
    judge(tasks[0], 1)
    with pytest.raises(services.ConflictingRetryError):
        judge(tasks[0], 1, **other)
    stored = Judgment.objects.get()
    assert (stored.level, stored.note, stored.active_ms) == (3, "", None)


def test_the_same_uuid_for_another_task_is_refused(tasks):
    judge(tasks[0], 1)
    with pytest.raises(services.ConflictingRetryError):
        judge(tasks[1], 1)


def test_the_uuid_of_somebody_else_is_refused_without_saying_whose(participant, tasks):
    other = make_participant(participant.study, make_user("bob"), pseudonym="A02")
    judge(tasks[0], 1)
    with pytest.raises(services.ConflictingRetryError) as refusal:
        judge(tasks_of(other)[0], 1)
    assert "ada" not in str(refusal.value)
    assert Judgment.objects.count() == 1


# --- one judgment per task ----------------------------------------------------------------------


def test_a_second_first_judgment_of_a_task_is_refused_and_names_the_field(tasks):
    judge(tasks[0], 1)
    with pytest.raises(services.AlreadyJudgedError, match="revision") as refusal:
        judge(tasks[0], 2)
    assert refusal.value.field == "revises"


def test_two_people_may_say_the_same_of_the_same_pair(participant, tasks):
    other = make_participant(participant.study, make_user("bob"), pseudonym="A02")
    judge(tasks[0], 1, level=5)
    judge(tasks_of(other)[0], 2, level=5)
    assert Judgment.objects.filter(level=5, task__entry=tasks[0].entry).count() == 2


# --- revising -----------------------------------------------------------------------------------


def test_a_revision_is_a_new_row_and_the_old_one_stays(participant, tasks):
    judge(tasks[0], 1, level=2)
    recorded = judge(tasks[0], 2, level=4, revises=uuid.UUID(int=1))
    judge(tasks[0], 3, level=5, revises=uuid.UUID(int=2))
    assert [(j.level, j.revision, j.sequence) for j in Judgment.objects.all()] == [
        (2, 1, 1),
        (4, 2, 2),
        (5, 3, 3),
    ]
    assert [judgment.level for judgment in Judgment.objects.current()] == [5]
    assert recorded.progress.done == 1  # of pairs, not of answers
    participant.refresh_from_db()
    assert (participant.n_done, participant.last_sequence) == (1, 3)


def test_a_judgment_that_was_revised_already_cannot_be_revised_again(tasks):
    judge(tasks[0], 1)
    judge(tasks[0], 2, revises=uuid.UUID(int=1), level=4)
    with pytest.raises(services.StaleRevisionError) as refusal:
        judge(tasks[0], 3, revises=uuid.UUID(int=1), level=5)
    assert refusal.value.field == "revises"
    assert [judgment.level for judgment in Judgment.objects.current()] == [4]


@pytest.mark.parametrize(
    ("of_whom", "refusal"),
    [
        pytest.param("nobody", NotFoundError, id="of nobody"),
        pytest.param("another pair", InvalidError, id="of another pair of one's own"),
        pytest.param("bob", NotFoundError, id="of somebody else"),
    ],
)
def test_only_ones_own_judgment_of_the_same_pair_can_be_revised(
    participant, tasks, of_whom, refusal
):
    bob = make_participant(participant.study, make_user("bob"), pseudonym="A02")
    judge(tasks[0], 1)
    judge(tasks[1], 2)
    judge(tasks_of(bob)[0], 3)
    named = {"nobody": 99, "another pair": 2, "bob": 3}[of_whom]
    with pytest.raises(refusal) as raised:
        judge(tasks[0], 4, revises=uuid.UUID(int=named))
    assert raised.value.field == "revises"


# --- who and when -------------------------------------------------------------------------------


def test_a_task_of_somebody_else_is_answered_like_one_that_is_not_there(participant, tasks):
    bob = make_user("bob")
    with pytest.raises(NotFoundError) as others:
        judge(tasks[0], assessor=bob)
    with pytest.raises(NotFoundError) as nobodys:
        judge(tasks[0], assessor=bob, task_id=uuid.UUID(int=99))
    assert str(others.value) == str(nobodys.value)


@pytest.mark.parametrize("state", [Study.State.CLOSED, Study.State.DRAFT])
def test_a_study_that_is_not_open_takes_no_judgment(tasks, state):
    Study.objects.update(state=state)
    with pytest.raises(services.StudyClosedError):
        judge(tasks[0])
    assert not Judgment.objects.exists()


def test_a_closed_assignment_takes_no_judgment(tasks):
    tasks[0].assignment.closed_at = NOON
    tasks[0].assignment.save()
    with pytest.raises(services.StudyClosedError):
        judge(tasks[0], 1)
    judge(tasks[3], 2)  # of another query


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param({"level": 6}, "level", id="a level outside the scale"),
        pytest.param({"active_ms": -1}, "active_ms", id="a negative time"),
        pytest.param({"active_ms": MOST_MS + 1}, "active_ms", id="a time beyond the column"),
        pytest.param({"active_ms": True}, "active_ms", id="true is no time"),
        pytest.param({"hidden_ms": 1.5}, "hidden_ms", id="half a millisecond"),
        pytest.param({"hidden_ms": "10"}, "hidden_ms", id="a text"),
        pytest.param({"note": "x" * 2001}, "note", id="a note too long"),
        pytest.param({"note": "\0"}, "note", id="a NUL, which PostgreSQL cannot store"),
    ],
)
def test_bad_input_is_refused_with_its_field(tasks, wrong, field):
    with pytest.raises(InvalidError) as refusal:
        judge(tasks[0], **wrong)
    assert refusal.value.field == field
    assert not Judgment.objects.exists()


def test_times_may_be_as_long_as_the_column_holds(tasks):
    judge(tasks[0], active_ms=0, hidden_ms=MOST_MS)
    assert Judgment.objects.get().hidden_ms == MOST_MS


# --- the database refuses on its own ------------------------------------------------------------


def broken(table: str = "assessment_judgment", **changes):
    """Insert a copy of the first judgment with `changes`, past Python."""
    row = Judgment.objects.values().order_by("id").first() | {
        "uuid": uuid.UUID(int=999),
        "sequence": 999,
        "id": 999,
    }
    return Judgment.objects.bulk_create([Judgment(**row | changes)])


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"revision": 1}, id="a second first judgment of a task"),
        pytest.param({"sequence": 1, "task": 1}, id="a sequence number twice"),
        pytest.param({"uuid": uuid.UUID(int=1), "task": 1}, id="a uuid twice"),
        pytest.param({"task": 1, "level": None}, id="neither level nor reason"),
        pytest.param({"task": 1, "unjudgeable": "other"}, id="level and reason"),
        pytest.param({"task": 1, "level": 12}, id="a level beyond any scale"),
        pytest.param({"task": 1, "participant": "other"}, id="the task of another participant"),
        pytest.param({"task": 1, "revises": 0, "revision": 2}, id="a revision of another task"),
        pytest.param({"task": 0, "revises": 0, "revision": 3}, id="a revision that skips one"),
        pytest.param({"task": 0, "revision": 2}, id="a revision of nothing"),
    ],
)
def test_what_no_person_may_write_no_program_can(participant, tasks, change):
    judge(tasks[0], 1)
    bob = make_participant(participant.study, make_user("bob"), pseudonym="A02")
    change = dict(change)
    if "task" in change:
        change["task_id"] = tasks[change.pop("task")].pk
    if change.pop("participant", None):
        change["participant_id"] = bob.pk
    if "revises" in change:
        change["revises_id"] = Judgment.objects.get().pk
        del change["revises"]
    with pytest.raises(IntegrityError), transaction.atomic():
        broken(**change)
    assert Judgment.objects.count() == 1


def test_a_sound_row_is_not_refused(tasks):
    judge(tasks[0], 1)
    broken(task_id=tasks[1].pk)
    broken(
        id=1000,
        uuid=uuid.UUID(int=1000),
        sequence=1000,
        revises_id=Judgment.objects.first().pk,
        revision=2,
    )
    assert Judgment.objects.count() == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE assessment_judgment SET level = 1",
        "UPDATE assessment_judgment SET note = 'x'",
        "DELETE FROM assessment_judgment",
    ],
)
def test_a_judgment_is_never_changed_or_deleted_by_sql(tasks, statement):
    judge(tasks[0], 1)
    with (
        pytest.raises(IntegrityError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert Judgment.objects.get().level == 3


def test_a_judgment_is_never_changed_or_deleted_by_the_orm(tasks):
    judgment = judge(tasks[0], 1).judgment
    judgment.level = 5
    for change in (
        judgment.save,
        judgment.delete,
        lambda: Judgment.objects.update(level=5),
        lambda: Judgment.objects.all().delete(),
    ):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
            change()
    assert Judgment.objects.get().level == 3


# --- cost and counts ----------------------------------------------------------------------------


def test_a_judgment_costs_six_queries(tasks, django_assert_num_queries):
    judge(tasks[0], 1)
    with transaction.atomic(), django_assert_num_queries(6 + 2) as log:  # and a savepoint
        judge(tasks[1], 2)
    statements = [query["sql"].split()[0] for query in log.captured_queries]
    assert statements.count("SAVEPOINT") == statements.count("RELEASE") == 1


def test_recount_progress_mends_counts_that_are_wrong(participant, tasks):
    judge(tasks[0], 1)
    judge(tasks[0], 2, level=5, revises=uuid.UUID(int=1))
    assert services.recount_progress(study=participant.study) == 0
    participant.refresh_from_db()
    participant.n_done, participant.n_tasks, participant.last_sequence = 0, 0, 0
    participant.save()
    assert services.recount_progress(study=participant.study) == 1
    participant.refresh_from_db()
    assert (participant.n_done, participant.n_tasks, participant.last_sequence) == (1, 6, 2)
