import pytest
from celery import current_app
from django.db import transaction

from apps.jobs import services, tasks
from apps.jobs.models import State
from tests.factories import NOON
from tests.factories.jobs import behaviour, kinds_of_tests, make_job, ran

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds():
    with kinds_of_tests():
        yield


@pytest.fixture
def sent(monkeypatch) -> list[int]:
    """The ids of the jobs for which a message was sent."""
    messages: list[int] = []

    def send_task(name, *, kwargs, expires, connection):
        assert name == "tests.work_on_job"
        assert expires > 0
        messages.append(kwargs["job_id"])

    monkeypatch.setattr(current_app, "send_task", send_task)
    return messages


def test_a_message_does_one_part_and_asks_for_the_next(sent):
    job = make_job("a", "b")
    tasks.work_on(job.pk)
    assert (ran, sent) == (["a"], [job.pk])
    tasks.work_on(job.pk)
    job.refresh_from_db()
    assert (ran, job.state, sent) == (["a", "b", "finish"], State.DONE, [job.pk])


def test_a_message_that_comes_twice_or_days_later_changes_nothing(sent):
    job = make_job("a")
    held = services.claim_part(job=job, worker="w1", now=NOON.replace(year=2126))
    tasks.work_on(job.pk)  # the first copy still works
    assert (ran, sent) == ([], [])
    services.run_claimed_part(part=held)
    for _ in range(3):
        tasks.work_on(job.pk)
    assert ran == ["a", "finish"]
    assert sent == []


def test_nothing_is_sent_before_the_commit_nor_after_a_rollback(
    sent, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        job = make_job("a", "b", "c")
        with transaction.atomic():
            tasks.announce(job=job)
            transaction.set_rollback(True)
        tasks.announce(job=job)
        assert sent == []
    assert len(callbacks) == 1
    callbacks[0]()
    assert sent == [job.pk] * 3


def test_a_broker_that_does_not_answer_is_asked_once_and_then_again_by_the_reconciler(
    monkeypatch, django_capture_on_commit_callbacks, caplog
):
    tried = []

    def send_task(*args, **kwargs):
        tried.append(kwargs)
        raise ConnectionError("refused")

    monkeypatch.setattr(current_app, "send_task", send_task)
    with django_capture_on_commit_callbacks(execute=True):
        job = make_job("a", "b")
        tasks.announce(job=job)
    assert len(tried) == 1
    assert "No broker took the message" in caplog.text
    answers = []
    monkeypatch.setattr(current_app, "send_task", lambda *a, **kwargs: answers.append(kwargs))
    with django_capture_on_commit_callbacks(execute=True):
        tasks.reconcile_jobs_task()
    assert [answer["kwargs"] for answer in answers] == [{"job_id": job.pk}] * 2


def test_a_part_that_fails_ends_the_chain_of_messages(sent):
    def fail(part, progress):
        raise ValueError("oops")

    behaviour["a"] = fail
    job = make_job("a", "b")
    tasks.work_on(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error, sent) == (State.FAILED, "a: ValueError: oops", [])
