from datetime import timedelta

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from apps.jobs import health, services
from tests.factories import NOON, make_user
from tests.factories.jobs import behaviour, kinds_of_tests, make_job

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _kinds():
    with kinds_of_tests():
        yield


def client_of(role: str) -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user(role, role=role))
    return client


def beat(*, ago: float) -> None:
    now = timezone.now()
    services.beat(
        name="host:1",
        queues="cpu,gpu",
        device="cpu",
        started_at=NOON,
        now=now - timedelta(seconds=ago),
    )


def test_a_job_shows_how_far_it_is_and_failed_parts_first():
    def fail(part, progress):
        raise ValueError("oops")

    behaviour["b"] = fail
    job = make_job("a", "b", "c", kind="test_goes_on")
    services.work_on_job(job=job, worker="w1")
    shown = client_of("researcher").get(f"/api/v1/jobs/{job.pk}/").data
    assert (shown["state"], shown["done"], shown["total"]) == ("done", 20, 30)
    assert [part["key"] for part in shown["parts"]] == ["b", "a", "c"]
    assert shown["parts"][0]["error"] == "ValueError: oops"
    assert shown["parts_by_state"] == {
        "pending": 0,
        "running": 0,
        "done": 2,
        "failed": 1,
        "cancelled": 0,
    }
    assert shown["rate"] is not None
    assert shown["seconds_left"] is None


def test_jobs_are_listed_newest_first_and_found_by_target_kind_and_state():
    first, second = make_job("a"), make_job("a", target="thing:2")
    services.work_on_job(job=first, worker="w1")
    client = client_of("admin")

    def found(**asked) -> list[int]:
        return [row["id"] for row in client.get("/api/v1/jobs/", asked).data["results"]]

    assert found() == [second.pk, first.pk]
    assert found(target="thing:1") == [first.pk]
    assert found(state="pending") == [second.pk]
    assert found(state=["pending", "done"]) == [second.pk, first.pk]
    assert found(kind="other") == []


def test_a_list_of_jobs_costs_the_same_queries_for_1_and_40(django_assert_num_queries):
    client = client_of("admin")
    make_job("a")
    for more in (0, 39):
        for number in range(more):
            make_job("a", target=f"more:{number}")
        with django_assert_num_queries(2):  # count, page
            client.get("/api/v1/jobs/")


def test_cancel_and_try_again_in_the_browser(django_capture_on_commit_callbacks):
    job = make_job("a")
    admin = client_of("admin")
    assert admin.post(f"/api/v1/jobs/{job.pk}/cancel/").data["state"] == "cancelled"
    again = admin.post(f"/api/v1/jobs/{job.pk}/cancel/")
    assert (again.status_code, again.data["code"]) == (409, "conflict")
    with django_capture_on_commit_callbacks() as announced:
        assert admin.post(f"/api/v1/jobs/{job.pk}/retry/").data["state"] == "pending"
    assert len(announced) == 1


@pytest.mark.parametrize(
    ("method", "path", "role", "status"),
    [
        pytest.param("get", "jobs/", "assessor", 403, id="an assessor sees no jobs"),
        pytest.param("get", "jobs/1/", "assessor", 403, id="an assessor sees no job"),
        pytest.param("get", "jobs/workers/", "assessor", 403, id="an assessor sees no workers"),
        pytest.param("get", "jobs/999999/", "researcher", 404, id="no such job"),
        pytest.param("get", "jobs/?state=ready", "admin", 400, id="no such state"),
        pytest.param("post", "jobs/999999/cancel/", "researcher", 403, id="only admins cancel"),
        pytest.param("post", "jobs/999999/retry/", "researcher", 403, id="only admins retry"),
        pytest.param("post", "jobs/999999/retry/", "admin", 404, id="nothing to retry"),
    ],
)
def test_refusals(method, path, role, status):
    answer = getattr(client_of(role), method)(f"/api/v1/{path}")
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("ago", "alive"),
    [
        pytest.param(None, False, id="none ever was"),
        pytest.param(0, True, id="it spoke just now"),
        pytest.param(6, True, id="it spoke 6 s ago"),
        pytest.param(8, False, id="silent for 8 s"),
    ],
)
def test_that_no_worker_is_alive_is_said_within_ten_seconds(ago, alive):
    if ago is not None:
        beat(ago=ago)
    shown = client_of("researcher").get("/api/v1/jobs/workers/").data
    assert shown["alive"] is alive
    assert [row["queues"] for row in shown["workers"]] == (["cpu,gpu"] if alive else [])
    healthy = APIClient().get("/api/v1/health/")
    assert healthy.data["checks"]["worker"]["ok"] is alive
    assert healthy.status_code == (200 if alive else 503)


def test_a_worker_that_only_explores_moves_no_job():
    now = timezone.now()
    services.beat(name="explorer", queues="explore", device="cpu", started_at=now, now=now)
    shown = client_of("researcher").get("/api/v1/jobs/workers/").data
    assert (shown["alive"], [row["queues"] for row in shown["workers"]]) == (False, ["explore"])
    assert APIClient().get("/api/v1/health/").data["checks"]["worker"]["ok"] is False


@pytest.mark.parametrize(
    ("check", "broken"),
    [
        pytest.param("database", "_database", id="the database"),
        pytest.param("broker", "_broker", id="the broker"),
        pytest.param("disk", "free_bytes", id="the disk"),
    ],
)
def test_health_names_the_part_that_does_not_work_and_no_secret(check, broken, monkeypatch):
    beat(ago=0)

    def away(*args):
        raise ConnectionError("redis://:hunter2@10.0.0.1 refused")

    assert APIClient().get("/api/v1/health/").data["status"] == "ok"
    monkeypatch.setattr(health, broken, away)
    answer = APIClient().get("/api/v1/health/")
    assert answer.status_code == 503
    assert answer.data["status"] == "failing"
    failing = [name for name, result in answer.data["checks"].items() if not result["ok"]]
    assert failing == [check]
    assert "hunter2" not in str(answer.data)


def test_health_asks_the_object_store_where_there_is_one(in_store, settings):
    beat(ago=0)
    answer = APIClient().get("/api/v1/health/")
    assert answer.data["checks"]["store"] == {"ok": True, "detail": "answers"}
    options = dict(settings.STORAGES["default"]["OPTIONS"])
    for change, sentence in (
        (
            {"endpoint_url": "http://127.0.0.1:9"},
            "The object store does not answer: try again later.",
        ),
        (
            {"bucket_name": "nothing"},
            "The object store refuses: the log of the web server says why.",
        ),
    ):
        default = {**settings.STORAGES["default"], "OPTIONS": {**options, **change}}
        settings.STORAGES = {**settings.STORAGES, "default": default}
        answer = APIClient().get("/api/v1/health/")
        assert answer.status_code == 503
        assert answer.data["checks"]["store"] == {"ok": False, "detail": sentence}


def test_a_disk_below_its_reserve_is_no_healthy_one(settings):
    beat(ago=0)
    settings.DISK_RESERVE = 2**62
    answer = APIClient().get("/api/v1/health/")
    assert answer.status_code == 503
    assert "too little" in answer.data["checks"]["disk"]["detail"]
