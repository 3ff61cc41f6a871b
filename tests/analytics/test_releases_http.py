"""Releases in the browser: asked for, made by a job, listed and downloaded."""

import io
import zipfile

import pytest

from apps.accounts.models import Role
from apps.analytics.models import Release
from apps.analytics.services.export import export_study
from apps.analytics.services.importing import import_study
from apps.analytics.services.releases import request_release
from apps.common.storage import local_path
from apps.jobs.models import Job
from apps.jobs.services import work_on_job
from tests.factories import NOON, make_user
from tests.factories.analytics import make_judged_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study():
    return make_judged_study()


@pytest.fixture
def researcher(client):
    client.force_login(make_user("rose", role=Role.RESEARCHER))
    return client


def made(job: Job) -> Release:
    assert work_on_job(job=job, worker="test").state == "done"
    return Release.objects.get(job=job)


def body_of(answer) -> bytes:
    return b"".join(answer.streaming_content)


def test_a_release_is_made_listed_downloaded_and_read_back(study, researcher, tmp_path):
    url = f"/api/v1/studies/{study.slug}/releases/"
    assert researcher.get(url).json()["results"] == []
    answer = researcher.post(url, {}, content_type="application/json")
    assert answer.status_code == 202
    job = answer.json()["job"]
    assert (job["kind"], job["state"], job["target"]) == (
        "export_release",
        "pending",
        "study:thorax",
    )
    release = made(Job.objects.get(pk=job["id"]))
    (row,) = researcher.get(url).json()["results"]
    assert set(row) == {
        "id",
        "created_at",
        "sha256",
        "byte_size",
        "with_names",
        "n_judgments",
        "url",
    }
    assert (row["n_judgments"], row["with_names"]) == (26, False)
    download = researcher.get(row["url"])
    content = body_of(download)
    assert download["Content-Type"] == "application/zip"
    assert len(content) == row["byte_size"] == int(download["Content-Length"])
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    copy = import_study(path=tmp_path / study.slug, slug="copy", imported_at=NOON).study
    assert copy.queries.count() == 3
    # The same study gives the same zip.
    again = made(request_release(study=study, names=False, requested_at=NOON))
    assert again.sha256 == release.sha256


@pytest.mark.django_db(transaction=True)
def test_the_job_tells_how_far_it_is_while_it_reads_one_state(monkeypatch):
    told = []
    monkeypatch.setattr(
        "apps.analytics.services.releases.export_study",
        lambda *, on_step, **options: export_study(
            on_step=lambda done: (on_step(done), told.append(done)), **options
        ),
    )
    made(request_release(study=make_judged_study(), names=False, requested_at=NOON))
    assert told == [1, 2, 3, 4]


def test_names_are_for_admins(study, client):
    url = f"/api/v1/studies/{study.slug}/releases/"
    release = made(request_release(study=study, names=True, requested_at=NOON))
    client.force_login(make_user("rose", role=Role.RESEARCHER))
    answer = client.post(url, {"names": True}, content_type="application/json")
    assert answer.status_code == 403
    assert client.get(release.url).status_code == 403
    client.force_login(make_user("boss", role=Role.ADMIN))
    assert client.get(release.url).status_code == 200
    assert client.post(url, {"names": True}, content_type="application/json").status_code == 202


@pytest.mark.parametrize(
    "path", ["/api/v1/studies/thorax/releases/", "/api/v1/releases/1/download/"]
)
def test_assessors_and_strangers_get_no_release(study, client, path):
    assert client.get(path).status_code in (401, 403)
    client.force_login(make_user("ada"))
    assert client.get(path).status_code == 403


def test_asking_twice_joins_the_job_and_names_are_another(study):
    one = request_release(study=study, names=False, requested_at=NOON)
    assert request_release(study=study, names=False, requested_at=NOON) == one
    assert request_release(study=study, names=True, requested_at=NOON) != one


def test_a_damaged_release_is_not_handed_out(study, researcher):
    release = made(request_release(study=study, names=False, requested_at=NOON))
    path = local_path(release.file)
    content = path.read_bytes()
    path.write_bytes(content[:-1] + b"x")
    answer = researcher.get(release.url)
    assert answer.status_code == 409
    assert answer.json()["code"] == "damaged_file"


def test_unknown_studies_and_releases(researcher):
    assert researcher.get("/api/v1/studies/none/releases/").status_code == 404
    assert researcher.get("/api/v1/releases/999/download/").status_code == 404
