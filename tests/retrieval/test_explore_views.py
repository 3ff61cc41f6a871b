"""The explorer over HTTP: who may, what is answered, what is given out."""

import numpy as np
import pytest
from celery import current_app
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from apps.accounts.models import Role
from apps.jobs.services import beat
from apps.retrieval import services
from apps.retrieval.models import Exploration
from apps.retrieval.views import explorations as views
from tests.factories import make_user
from tests.factories.features import make_pictured_collection, make_space
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db

ASK = "/api/v1/collections/pictures/explorations/"


def client(role: str) -> APIClient:
    api = APIClient()
    api.force_login(make_user(f"a-{role}", role=role))
    return api


@pytest.fixture(autouse=True)
def _collection():
    collection = make_pictured_collection()
    rows = np.zeros((6, 16))
    rows[:, 0] = np.arange(6)
    make_space(collection, "cld", rows)
    now = timezone.now()
    beat(name="explorer", queues="explore", device="cpu", started_at=now, now=now)


@pytest.fixture
def researcher() -> APIClient:
    return client(Role.RESEARCHER)


@pytest.fixture(autouse=True)
def answered_at_once(monkeypatch, request) -> list[dict]:
    """In place of broker and worker: the task runs when its message is sent."""
    sent: list[dict] = []

    def send_task(name, *, kwargs, expires, connection):
        assert name == "apps.retrieval.tasks.explore_task"
        sent.append(kwargs)
        services.run_exploration(**kwargs)

    monkeypatch.setattr(current_app, "send_task", send_task)
    return sent


def file_of(seed: int = 77, name: str = "mine.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, picture_bytes(seed), content_type="image/png")


def ask(api: APIClient, callbacks, **body):
    body = {"methods": ["cld"], "depth": 2} | body
    with callbacks(execute=True):
        return api.post(ASK, body, format="multipart" if "file" in body else "json")


def test_an_image_is_looked_up(researcher, django_capture_on_commit_callbacks):
    asked = ask(researcher, django_capture_on_commit_callbacks, image_id="0002.png")
    assert asked.status_code == 202
    assert asked.data["state"] == "waiting"
    got = researcher.get(f"/api/v1/explorations/{asked.data['id']}/")
    assert got["Cache-Control"] == "no-store"
    body = got.json()
    assert (body["state"], body["collection"], body["depth"]) == ("done", "pictures", 2)
    assert body["query"]["image_id"] == "0002.png"
    [cld] = body["methods"]
    assert (cld["method"], cld["state"], cld["error"]) == ("cld", "done", "")
    assert [hit["image_id"] for hit in cld["hits"]] == ["0001.png", "0003.png"]
    assert [hit["score"] for hit in cld["hits"]] == sorted(
        (hit["score"] for hit in cld["hits"]), reverse=True
    )
    assert {image["image_id"] for image in body["images"]} == {"0001.png", "0003.png"}
    assert set(body["images"][0]) == {
        *("image_id", "file_name", "width", "height", "thumb_url", "image_url", "captions"),
    }


def test_a_dropped_image_is_looked_up_and_only_our_encoding_is_given_out(
    researcher, django_capture_on_commit_callbacks
):
    asked = ask(researcher, django_capture_on_commit_callbacks, file=file_of())
    body = researcher.get(f"/api/v1/explorations/{asked.data['id']}/").json()
    assert body["query"] == {
        "image_id": None,
        "file_name": "mine.png",
        "width": 64,
        "height": 48,
        "image_url": f"/api/v1/explorations/{body['id']}/image/",
        "captions": [],
    }
    shown = researcher.get(body["query"]["image_url"])
    assert (shown["Content-Type"], shown.content[8:12]) == ("image/webp", b"WEBP")
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in shown["Content-Security-Policy"]


def test_nobody_sees_the_exploration_of_another(researcher, django_capture_on_commit_callbacks):
    asked = ask(researcher, django_capture_on_commit_callbacks, file=file_of())
    admin = client(Role.ADMIN)
    for path in ("", "image/"):
        assert admin.get(f"/api/v1/explorations/{asked.data['id']}/{path}").status_code == 404


@pytest.mark.parametrize(
    ("role", "asking", "reading"),
    [
        pytest.param(None, 401, 401, id="nobody"),
        pytest.param(Role.ASSESSOR, 403, 403, id="an assessor"),
        pytest.param(Role.RESEARCHER, 400, 404, id="a researcher"),
        pytest.param(Role.ADMIN, 400, 404, id="an admin"),
    ],
)
def test_who_may(role, asking, reading):
    api = client(role) if role else APIClient()
    nothing = "/api/v1/explorations/00000000-0000-0000-0000-000000000001/"
    assert api.post(ASK, {}).status_code == asking
    assert api.get(nothing).status_code == reading
    assert api.get(f"{nothing}image/").status_code == reading


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param({"image_id": "x"}, 400, "bad_exploration", id="no such image"),
        pytest.param({"image_id": "0001.png", "methods": ["x"]}, 400, "unknown_method", id="name"),
        pytest.param({"image_id": "0001.png", "methods": []}, 400, "bad_exploration", id="none"),
        pytest.param({"image_id": "0001.png", "depth": 999}, 400, "invalid", id="too deep"),
        pytest.param({}, 400, "bad_exploration", id="neither image nor file"),
        pytest.param(
            {"file": SimpleUploadedFile("a.png", b"no image")}, 400, "bad_image", id="no image"
        ),
    ],
)
def test_refusals(researcher, django_capture_on_commit_callbacks, body, status, code):
    refused = ask(researcher, django_capture_on_commit_callbacks, **body)
    assert (refused.status_code, refused.data["code"]) == (status, code)


def test_a_file_that_is_too_large_is_refused(
    researcher, django_capture_on_commit_callbacks, monkeypatch
):
    monkeypatch.setattr(views, "MAX_FILE_BYTES", 100)
    refused = ask(researcher, django_capture_on_commit_callbacks, file=file_of())
    assert (refused.status_code, refused.data["field"]) == (400, "file")


def test_no_collection_no_worker_and_no_space_have_their_status(
    researcher, django_capture_on_commit_callbacks, settings
):
    from apps.jobs.models import WorkerHeartbeat

    gone = researcher.post("/api/v1/collections/none/explorations/", {"methods": ["cld"]})
    assert gone.status_code == 404
    WorkerHeartbeat.objects.all().delete()
    silent = ask(researcher, django_capture_on_commit_callbacks, image_id="0001.png")
    assert (silent.status_code, silent.data["code"]) == (503, "no_worker")
    settings.DISK_RESERVE = 2**60
    full = ask(researcher, django_capture_on_commit_callbacks, file=file_of())
    assert (full.status_code, full.data["code"]) == (503, "no_space")


def test_a_broker_that_takes_no_message_is_the_answer(
    researcher, django_capture_on_commit_callbacks, monkeypatch, caplog
):
    def refuse(*_, **__):
        raise ConnectionError("refused")

    monkeypatch.setattr(current_app, "send_task", refuse)
    asked = ask(researcher, django_capture_on_commit_callbacks, image_id="0002.png")
    got = researcher.get(f"/api/v1/explorations/{asked.data['id']}/").json()
    assert (got["state"], got["methods"][0]["state"]) == ("failed", "failed")
    assert got["error"].startswith("The broker took no message")


def test_messages_go_to_the_queue_of_the_explorer():
    route = current_app.amqp.router.route({}, "apps.retrieval.tasks.explore_task")
    assert route["queue"].name == "explore"
    swept = current_app.amqp.router.route({}, "apps.retrieval.tasks.sweep_explorations_task")
    assert swept["queue"].name == "cpu"
    other = current_app.amqp.router.route({}, "apps.retrieval.tasks.work_on_job_task")
    assert other["queue"].name == "gpu"


def test_the_sweep_is_planned_and_runs():
    from apps.retrieval.tasks import sweep_explorations_task

    planned = {entry["task"] for entry in current_app.conf.beat_schedule.values()}
    assert sweep_explorations_task.name in planned
    sweep_explorations_task()
    assert not Exploration.objects.exists()
