import errno
import os
import socket
import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection

from apps.common.errors import ConflictError, InvalidError
from apps.common.storage import StoreUnavailableError
from apps.jobs import selectors, services
from apps.jobs.models import Job, JobPart, State
from tests.factories import NOON
from tests.factories.jobs import behaviour, kinds_of_tests, make_job, ran

pytestmark = pytest.mark.django_db

LEASE_OVER = NOON + timedelta(seconds=61)


@pytest.fixture(autouse=True)
def _kinds():
    with kinds_of_tests():
        yield


def states(job: Job) -> dict[str, str]:
    return dict(job.parts.values_list("key", "state"))


def claim(job: Job, worker: str = "w1", now=NOON) -> JobPart | None:
    return services.claim_part(job=job, worker=worker, now=now)


def work(job: Job, **more) -> Job:
    return services.work_on_job(job=job, worker="w1", **more)


def fails(error: BaseException):
    def fail(part, progress):
        raise error

    return fail


def test_a_job_does_its_parts_in_the_order_of_stages_and_finishes_once():
    job = work(make_job("late", "a", "b", stages="100"))
    assert ran == ["a", "b", "late", "finish"]
    assert (job.state, job.result, job.error) == (State.DONE, {"parts": 3}, "")
    assert [part.result for part in job.parts.all()] == [{"by": "a"}, {"by": "b"}, {"by": "late"}]
    progress = selectors.progress_of(job=job, now=NOON)
    assert (progress.done, progress.total, progress.seconds_left) == (30, 30, None)
    assert work(job).state == State.DONE
    assert ran.count("finish") == 1


def test_asking_twice_joins_the_job_until_it_has_ended():
    first = make_job("a")
    assert make_job("a", "b") == first
    assert make_job("a", target="thing:2") != first
    work(first)
    assert make_job("a") != first


def test_the_next_stage_waits_for_a_part_that_another_worker_holds():
    job = make_job("a", "b", stages="01")
    held = claim(job, "w1")
    assert (held.key, held.attempts) == ("a", 1)
    assert claim(job, "w2") is None
    services.run_claimed_part(part=held)
    assert claim(job, "w2").key == "b"


def test_a_killed_worker_loses_one_part_and_its_late_answer_changes_nothing():
    job = make_job("a", "b")
    lost = claim(job, "w1")
    assert claim(job, "w2", NOON).key == "b"
    assert claim(job, "w2", NOON + timedelta(seconds=59)) is None
    again = claim(job, "w2", LEASE_OVER)
    assert (again.key, again.attempts, again.worker) == ("a", 2, "w2")
    behaviour["a"] = lambda part, progress: {"from": part.worker}
    services.run_claimed_part(part=lost)  # w1 was only slow
    part = job.parts.get(key="a")
    assert (part.state, part.worker, part.result) == (State.RUNNING, "w2", {})
    services.run_claimed_part(part=again)
    services.run_claimed_part(part=lost)
    part.refresh_from_db()
    assert (part.state, part.result) == (State.DONE, {"from": "w2"})


def test_a_worker_that_lost_its_lease_is_told_at_its_next_report():
    job = make_job("a")
    lost = claim(job, "w1")
    assert claim(job, "w2", LEASE_OVER).attempts == 2
    reached = []

    def reports(part, progress):
        progress(5)
        reached.append("beyond")

    behaviour["a"] = reports
    services.run_claimed_part(part=lost)
    assert reached == []
    part = job.parts.get()
    assert (part.state, part.worker, part.done) == (State.RUNNING, "w2", 0)


@pytest.mark.parametrize(
    ("kind", "ends_as", "others"),
    [
        pytest.param("test", State.FAILED, State.CANCELLED, id="it fails its job"),
        pytest.param("test_goes_on", State.DONE, State.DONE, id="the others are done all the same"),
    ],
)
def test_a_part_that_ends_its_worker_three_times_is_set_aside(kind, ends_as, others):
    job = make_job("poison", "b", "c", kind=kind)
    for attempt in range(3):
        now = NOON + attempt * timedelta(seconds=61)
        assert (claim(job, f"w{attempt}", now).key) == "poison"
    now = NOON + 3 * timedelta(seconds=61)
    job = services.work_on_job(job=job, worker="w4", clock=lambda: now)
    assert job.state == ends_as
    part = job.parts.get(key="poison")
    assert (part.state, part.attempts) == (State.FAILED, 3)
    assert part.error == "Set aside: it ended its worker 3 times."
    if others == State.CANCELLED:  # b was claimed together with the setting aside
        assert states(job)["c"] == State.CANCELLED
        assert job.error == "poison: Set aside: it ended its worker 3 times."
    else:
        assert states(job) == {"poison": State.FAILED, "b": State.DONE, "c": State.DONE}
    assert "poison" not in ran


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        pytest.param(
            OSError(errno.ENOSPC, "No space left on device"),
            "Disk full: free some space and try again.",
            id="disk full",
        ),
        pytest.param(
            OSError(errno.EDQUOT, "Quota exceeded"),
            "Disk full: free some space and try again.",
            id="quota used up",
        ),
        pytest.param(
            OperationalError("database or disk is full"),
            "Disk full: free some space and try again.",
            id="no room for the database",
        ),
        pytest.param(InvalidError("No weights.", where="x"), "x: No weights.", id="a refusal"),
        pytest.param(ValueError("oops"), "ValueError: oops", id="a programming error"),
        pytest.param(MemoryError("no memory"), "MemoryError: no memory", id="out of memory"),
    ],
)
@pytest.mark.parametrize("at", ["a", "finish"])
def test_a_failure_is_a_sentence_and_the_job_can_be_tried_again(error, sentence, at):
    behaviour[at] = fails(error) if at == "a" else lambda job: fails(error)(None, None)
    job = work(make_job("a", "b"))
    assert job.state == State.FAILED
    assert job.error == (f"a: {sentence}" if at == "a" else sentence)
    assert job.finished_at is not None
    del behaviour[at]
    done_before = [part.key for part in job.parts.filter(state=State.DONE)]
    ran.clear()
    job = work(services.retry_job(job=job, now=NOON))
    assert (job.state, job.error) == (State.DONE, "")
    assert set(ran) == {"a", "b", "finish"} - set(done_before)


def test_a_database_that_is_away_for_a_moment_costs_an_attempt_not_the_job():
    failures = [OperationalError("server closed the connection"), OperationalError("locked")]
    behaviour["a"] = lambda part, progress: fails(failures.pop())(None, None) if failures else {}
    job = work(make_job("a"))
    assert (job.state, job.parts.get().attempts) == (State.DONE, 3)


def test_an_object_store_that_stays_away_fails_the_job_after_three_attempts():
    behaviour["a"] = fails(StoreUnavailableError("The object store s3://x does not answer."))
    job = work(make_job("a"))
    assert job.error == "a: The object store s3://x does not answer."
    assert ran == ["a", "a", "a"]


def test_a_database_that_stays_away_fails_the_job_after_three_attempts():
    behaviour["a"] = fails(OperationalError("server closed the connection"))
    job = work(make_job("a"))
    assert job.error == "a: OperationalError: server closed the connection"
    assert ran == ["a", "a", "a"]


def test_cancelling_stops_a_part_at_its_report_and_keeps_what_is_done():
    job = make_job("a", "b", "c")

    def cancels(part, progress):
        services.cancel_job(job=part.job, now=NOON)
        progress(5)
        ran.append("beyond")

    behaviour["b"] = cancels
    job = work(job)
    assert ran == ["a", "b"]
    assert job.state == State.CANCELLED
    assert states(job) == {"a": State.DONE, "b": State.CANCELLED, "c": State.CANCELLED}
    with pytest.raises(ConflictError, match="already ended"):
        services.cancel_job(job=job, now=NOON)
    behaviour.clear()
    job = work(services.retry_job(job=job, now=NOON))
    assert ran == ["a", "b", "b", "c", "finish"]
    assert job.state == State.DONE
    with pytest.raises(ConflictError, match="Only a failed or cancelled job"):
        services.retry_job(job=job, now=NOON)


def test_a_job_is_not_tried_again_beside_its_twin():
    behaviour["a"] = fails(ValueError("oops"))
    job = work(make_job("a"))
    make_job("a")
    with pytest.raises(services.TwinError, match="under way in another job"):
        services.retry_job(job=job, now=NOON)


def test_a_part_may_be_given_back_at_once():
    job = make_job("a")
    held = claim(job)
    services.release_part(part=held, forget_attempt=True)
    again = claim(job, "w2")
    assert (again.key, again.attempts) == ("a", 1)
    services.release_part(part=held)  # by now it is w2's
    assert job.parts.get().state == State.RUNNING


@pytest.mark.parametrize(
    ("worker", "freed"),
    [
        pytest.param("{host}:4194309 (command)", 1, id="a command that was killed here"),
        pytest.param("{host}:{pid} (command)", 0, id="a command that runs here"),
        pytest.param("{host}:4194309", 0, id="a worker: its lease tells"),
        pytest.param("elsewhere:4194309 (command)", 0, id="a command on another machine"),
    ],
)
def test_the_parts_of_killed_commands_are_freed_at_once(worker, freed):
    job = make_job("a")
    claim(job, worker.format(host=socket.gethostname(), pid=os.getpid()))
    assert services.free_parts_of_dead_commands(job=job) == freed
    assert job.parts.filter(state=State.PENDING).count() == freed


def test_the_lease_is_renewed_while_a_part_works(settings, transactional_db):
    settings.JOB_LEASE_SECONDS = 1
    job = make_job("a")
    seen = []

    def is_slow(part, progress):
        first = JobPart.objects.get(pk=part.pk).leased_until
        waited = threading.Event()
        for _ in range(50):
            waited.wait(0.1)
            seen.append(JobPart.objects.get(pk=part.pk).leased_until > first)
            if seen[-1]:
                return

    behaviour["a"] = is_slow
    assert work(job).state == State.DONE
    assert seen[-1] is True


@pytest.mark.parametrize(
    ("needs", "prepare"),
    [
        pytest.param(True, lambda job: None, id="its message was lost: nobody began"),
        pytest.param(False, lambda job: claim(job), id="somebody works on it"),
        pytest.param(
            True,
            lambda job: claim(job, now=NOON - timedelta(seconds=61)),
            id="its worker was lost",
        ),
        pytest.param(
            True,
            lambda job: job.parts.update(state=State.DONE),
            id="all is done, but nobody said so",
        ),
        pytest.param(False, lambda job: work(job), id="it has ended"),
    ],
)
def test_the_reconciler_asks_again_for_jobs_at_which_nobody_works(needs, prepare):
    job = make_job("a", "b")
    prepare(job)
    assert selectors.jobs_needing_work(now=NOON).filter(pk=job.pk).exists() is needs


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["test", "test_goes_on"])
def test_eight_workers_at_once_do_each_part_once_and_finish_once(kind):
    job = make_job(*(f"part {n}" for n in range(40)), kind=kind)
    errors = []

    def worker(name: str) -> None:
        try:
            services.work_on_job(job=job, worker=name)
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=worker, args=(f"w{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert sorted(ran) == sorted(["finish", *(f"part {n}" for n in range(40))])
    job.refresh_from_db()
    assert (job.state, job.result) == (State.DONE, {"parts": 40})
    assert set(job.parts.values_list("attempts", flat=True)) == {1}
    assert job.parts.values("worker").distinct().count() > 1


@pytest.mark.django_db(transaction=True)
def test_eight_who_ask_at_once_get_one_job():
    made = []

    def ask() -> None:
        try:
            made.append(make_job("a").pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 8
    assert len(set(made)) == 1
    assert JobPart.objects.count() == 1
