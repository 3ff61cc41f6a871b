"""Many at once: nothing is lost, nothing is there twice, and nothing slips in after closing.

On SQLite as it is used (a file, WAL, IMMEDIATE) and, with `--database postgres`, on PostgreSQL.
"""

import hashlib
import threading
import time
import uuid
from collections.abc import Callable

import pytest
from django.db import connection, connections

from apps.accounts.models import AuditEvent
from apps.assessment import services
from apps.assessment.models import Judgment, Participant, Task
from apps.assessment.selectors import next_cards
from apps.studies.models import Study
from apps.studies.services import close_study
from tests.assessment.test_views import signed_in
from tests.factories import NOON, make_user
from tests.factories.assessment import make_open_study, make_participant, tasks_of

pytestmark = pytest.mark.django_db(transaction=True)

WRITERS = 32


def together(work: Callable[[int], object], *, n: int = WRITERS) -> list[object]:
    """What `work(0)`, ..., `work(n - 1)` gave or raised, each in a thread and connection."""
    results: list[object] = [None] * n
    start = threading.Barrier(n)

    def run(number: int) -> None:
        try:
            start.wait(timeout=30)
            results[number] = work(number)
        except Exception as error:
            results[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert not any(thread.is_alive() for thread in threads)
    return results


def record(task: Task, number: int, **answer):
    return services.record_judgment(
        uuid=uuid.UUID(int=number),
        task_id=task.uuid,
        assessor=task.assignment.participant.user,
        submitted_at=NOON,
        **({"level": 3} | answer),
    )


def failures(results) -> list[BaseException]:
    return [result for result in results if isinstance(result, BaseException)]


def assert_counts_hold() -> None:
    """Sequence numbers without gap or double, counters equal to a recount."""
    for participant in Participant.objects.all():
        own = Judgment.objects.filter(participant=participant).order_by("sequence")
        assert [judgment.sequence for judgment in own] == list(range(1, len(own) + 1))
    for study in Study.objects.all():
        assert services.recount_progress(study=study) == 0


def test_the_database_is_set_to_keep_what_it_acknowledged():
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            assert connection.transaction_mode == "IMMEDIATE"
            values = []
            for pragma in ("journal_mode", "synchronous", "busy_timeout", "foreign_keys"):
                cursor.execute(f"PRAGMA {pragma}")
                values.append(cursor.fetchone()[0])
            assert values == ["wal", 2, 20_000, 1]
        else:
            cursor.execute("SELECT current_setting('fsync'), current_setting('synchronous_commit')")
            assert cursor.fetchone()[1] == "on"


@pytest.mark.slow
def test_thirty_two_writers_lose_nothing():
    participant = make_open_study(n_queries=4, n_candidates=8)
    others = [
        make_participant(participant.study, make_user(f"p{n}"), pseudonym=f"P{n:02d}")
        for n in range(WRITERS - 1)
    ]
    work = [tasks_of(own)[:25] for own in (participant, *others)]
    took: list[float] = []

    def submit(writer: int) -> int:
        for place, task in enumerate(work[writer]):
            started = time.monotonic()
            record(task, writer * 1_000 + place)
            took.append(time.monotonic() - started)
        return len(work[writer])

    results = together(submit)
    assert failures(results) == []
    assert Judgment.objects.count() == AuditEvent.objects.count() == sum(results) == 32 * 25
    assert_counts_hold()
    # 32 at once on whatever this machine is: far above what anybody sees, far below the timeout.
    assert sorted(took)[int(len(took) * 0.95)] < 10


def test_one_uuid_from_many_connections_is_one_judgment_with_one_answer():
    participant = make_open_study()
    task = tasks_of(participant)[0]
    results = together(lambda _: [record(task, 1, level=4) for _ in range(5)])
    assert failures(results) == []
    answers = {
        (
            recorded.judgment.pk,
            recorded.judgment.level,
            recorded.judgment.sequence,
            recorded.progress,
        )
        for own in results
        for recorded in own
    }
    assert len(answers) == 1
    assert sum(recorded.created for own in results for recorded in own) == 1
    assert Judgment.objects.count() == AuditEvent.objects.count() == 1
    assert_counts_hold()


def test_one_uuid_over_http_is_created_once_and_always_answered():
    participant = make_open_study()
    task = tasks_of(participant)[0]
    clients = [signed_in(participant.user) for _ in range(8)]
    body = {"task_id": str(task.uuid), "level": 4}
    results = together(
        lambda number: [
            clients[number].put(f"/api/v1/judgments/{uuid.UUID(int=1)}/", body) for _ in range(5)
        ],
        n=8,
    )
    assert failures(results) == []
    answers = [response for own in results for response in own]
    assert sorted(response.status_code for response in answers) == [200] * 39 + [201]
    assert len({response.content for response in answers}) == 1


def test_one_uuid_for_two_tasks_is_one_judgment():
    participant = make_open_study()
    tasks = tasks_of(participant)[:2]
    results = together(lambda number: record(tasks[number % 2], 1), n=8)
    refused = failures(results)
    assert all(isinstance(error, services.ConflictingRetryError) for error in refused)
    assert len(refused) == 4
    assert Judgment.objects.count() == 1


def test_one_uuid_from_two_people_is_one_judgment():
    ada = make_open_study()
    bob = make_participant(ada.study, make_user("bob"), pseudonym="A02")
    tasks = [tasks_of(own)[0] for own in (ada, bob)]
    results = together(lambda number: record(tasks[number % 2], 1), n=8)
    refused = failures(results)
    assert all(isinstance(error, services.ConflictingRetryError) for error in refused)
    assert len(refused) == 4
    assert Judgment.objects.count() == AuditEvent.objects.count() == 1
    assert_counts_hold()


def test_a_hundred_uuids_for_one_task_leave_one_judgment():
    participant = make_open_study()
    task = tasks_of(participant)[0]
    results = together(lambda number: record(task, number), n=100)
    refused = failures(results)
    assert {type(error) for error in refused} == {services.AlreadyJudgedError}
    assert len(refused) == 99
    assert Judgment.objects.current().count() == AuditEvent.objects.count() == 1
    assert_counts_hold()


def test_two_tabs_that_revise_the_same_judgment_leave_a_straight_history():
    participant = make_open_study()
    task = tasks_of(participant)[0]
    record(task, 1)
    results = together(lambda n: record(task, 10 + n, level=5, revises=uuid.UUID(int=1)), n=16)
    refused = failures(results)
    assert {type(error) for error in refused} == {services.StaleRevisionError}
    assert len(refused) == 15
    history = Judgment.objects.order_by("id").values_list("revision", "sequence")
    assert list(history) == [(1, 1), (2, 2)]
    assert_counts_hold()


def exported() -> str:
    """A fingerprint of all current judgments, as a frozen export would have."""
    rows = Judgment.objects.current().order_by("uuid").values_list("uuid", "level", "sequence")
    return hashlib.sha256(repr(list(rows)).encode()).hexdigest()


def test_answers_that_race_with_closing_are_in_the_export_or_refused():
    participant = make_open_study(n_queries=10, n_candidates=10)
    study, tasks = participant.study, tasks_of(participant)
    frozen: list[str] = []

    def race(number: int) -> object:
        if number == 0:
            while Judgment.objects.count() < 10:
                time.sleep(0.001)
            close_study(study=study, closed_at=NOON, closed_by=None)
            frozen.append(exported())
            return "closed"
        outcome: dict[int, str] = {}
        for place in range(number - 1, 100, 20):
            try:
                record(tasks[place], place)
                outcome[place] = "stored"
            except services.StudyClosedError:
                outcome[place] = "refused"
        return outcome

    results = together(race, n=21)
    assert failures(results) == []
    outcomes = {place: said for own in results[1:] for place, said in own.items()}
    assert len(outcomes) == 100
    stored = {uuid.UUID(int=place) for place, said in outcomes.items() if said == "stored"}
    assert set(Judgment.objects.values_list("uuid", flat=True)) == stored
    assert len(stored) >= 10
    assert frozen == [exported()]  # nothing came in after the study was closed
    assert_counts_hold()


def test_assessors_who_race_through_next_and_submit_judge_every_pair_once():
    first = make_open_study(n_queries=2, n_candidates=5)
    people = [first] + [
        make_participant(first.study, make_user(f"p{n}"), pseudonym=f"P{n:02d}") for n in range(7)
    ]

    def judge_all(number: int) -> int:
        own = Participant.objects.select_related("study", "user").get(pk=people[number].pk)
        n = 0
        while cards := next_cards(participant=own, limit=1):
            (card,) = cards
            again = next_cards(participant=own, limit=1)
            assert [twin.task.uuid for twin in again] == [card.task.uuid]
            services.record_judgment(
                uuid=uuid.UUID(int=number * 1_000 + n),
                task_id=card.task.uuid,
                assessor=own.user,
                submitted_at=NOON,
                level=2,
            )
            n += 1
        return n

    assert together(judge_all, n=8) == [10] * 8
    assert Judgment.objects.count() == Task.objects.count() == 80
    assert Judgment.objects.values("task").distinct().count() == 80
    assert_counts_hold()


def test_one_person_in_two_tabs_submits_without_gap_or_double():
    participant = make_open_study(n_queries=4, n_candidates=8)
    tasks = tasks_of(participant)
    results = together(lambda number: record(tasks[number], number), n=32)
    assert failures(results) == []
    assert sorted(recorded.progress.done for recorded in results) == list(range(1, 33))
    assert_counts_hold()


def test_a_run_that_joins_while_people_judge_loses_and_doubles_nothing():
    participant = make_open_study(n_queries=2, n_candidates=6)
    study = participant.study
    others = [make_participant(study, make_user(f"p{n}"), pseudonym=f"P{n:02d}") for n in range(5)]
    work = [tasks_of(own) for own in (participant, *others)]
    lines = [
        f"q{query:03d} Q0 {image:04d}.png 1 {-image} other\n"
        for query in range(2)
        for image in (50, 51, 101)
    ]

    def act(number: int) -> int:
        if number == len(work):
            done = services.import_run(
                study=study,
                file=[line.encode() for line in lines],
                file_name="other.run",
                imported_at=NOON,
                imported_by=None,
            )
            return done.dealt.n_tasks
        for place, task in enumerate(work[number]):
            record(task, number * 1_000 + place)
        return len(work[number])

    results = together(act, n=len(work) + 1)
    assert failures(results) == []
    assert results[-1] == 2 * 2 * 6  # two of three results are new, for six assessors
    assert Judgment.objects.count() == 6 * 12
    assert_counts_hold()
    for own in Participant.objects.all():
        assert (own.n_tasks, own.n_done) == (16, 12)
        places = [card.candidate_number for card in next_cards(participant=own, limit=20)]
        assert len(places) == 4
