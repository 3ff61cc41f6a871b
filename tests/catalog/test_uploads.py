"""Imports from the browser: stage files in several calls, start, follow, read what became."""

import io
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from apps.catalog.models import Image, Import, StagedFile
from apps.jobs.models import Job
from apps.jobs.services import work_on_job
from tests.factories import make_collection, make_user
from tests.factories.pictures import picture_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture
def admin() -> APIClient:
    client = APIClient()
    client.force_authenticate(make_user("root", role="admin"))
    return client


@pytest.fixture
def upload(admin) -> str:
    make_collection("animals")
    made = admin.post("/api/v1/collections/animals/imports/", {"source": "upload"})
    assert made.status_code == 201
    assert made.data["job"] is None
    return f"/api/v1/imports/{made.data['id']}/"


def send(admin: APIClient, upload: str, files: dict[str, bytes | str], *, paths: bool = True):
    body = {
        "files[]": [
            SimpleUploadedFile(
                name.split("/")[-1], content if isinstance(content, bytes) else content.encode()
            )
            for name, content in files.items()
        ]
    }
    if paths:
        body["paths"] = list(files)
    return admin.post(f"{upload}files/", body, format="multipart")


def zip_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def start_and_work(admin: APIClient, upload: str) -> dict:
    started = admin.post(f"{upload}start/")
    assert started.status_code == 202, started.data
    assert started.data["job"]["state"] == "pending"
    work_on_job(job=Job.objects.get(pk=started.data["job"]["id"]), worker="w1")
    return admin.get(upload).data


def stored_uploads() -> list[str]:
    try:
        folders, _ = default_storage.listdir("staging")
    except FileNotFoundError:
        return []
    return [name for folder in folders for name in default_storage.listdir(f"staging/{folder}")[1]]


def test_files_folders_a_zip_and_tables_come_in_together(admin, upload):
    assert (
        send(admin, upload, {"b/2.png": picture_bytes(2), "1.png": picture_bytes(1)}).status_code
        == 200
    )
    archive = zip_of({"z/3.png": picture_bytes(3), "z/bad.png": b"bad"})
    more = send(admin, upload, {"all.zip": archive, "captions.csv": "path,caption\n1.png,One\n"})
    assert more.data["counts"]["waiting"] == 4
    shown = start_and_work(admin, upload)
    assert (shown["job"]["state"], shown["job"]["done"], shown["job"]["total"]) == ("done", 4, 4)
    assert shown["counts"] == {"waiting": 0, "imported": 3, "duplicate": 0, "rejected": 1}
    page = admin.get(f"{upload}files/", {"outcome": "rejected"}).data
    assert [(row["file_name"], row["image_id"]) for row in page["results"]] == [("z/bad.png", None)]
    assert page["results"][0]["reason"].startswith("not a JPEG")
    images = admin.get("/api/v1/collections/animals/images/").data["results"]
    assert [(row["image_id"], row["captions"]) for row in images] == [
        ("1.png", ["One"]),
        ("b/2.png", []),
        ("z/3.png", []),
    ]
    assert admin.get(images[0]["thumb_url"]).status_code == 200
    assert not StagedFile.objects.exists()


def test_uploads_leave_the_storage_when_the_import_is_done(
    admin, upload, django_capture_on_commit_callbacks
):
    before = set(stored_uploads())
    send(admin, upload, {"1.png": picture_bytes(1), "a.zip": zip_of({"2.png": picture_bytes(2)})})
    assert len(set(stored_uploads()) - before) == 2
    with django_capture_on_commit_callbacks(execute=True):
        start_and_work(admin, upload)
    assert set(stored_uploads()) <= before
    assert Image.objects.members().count() == 2


def test_a_manifest_among_the_uploads_gives_ids_and_lines(admin, upload):
    send(admin, upload, {"x/1.png": picture_bytes(1), "x/2.png": picture_bytes(1)})
    send(admin, upload, {"manifest.csv": "file_name,image_id\nx/2.png,two\nx/1.png,one\n"})
    assert start_and_work(admin, upload)["counts"]["duplicate"] == 1
    page = admin.get(f"{upload}files/").data["results"]
    assert [
        (row["file_name"], row["line"], row["outcome"], row["reason"], row["image_id"])
        for row in page
    ] == [
        ("x/2.png", 2, "imported", "", "two"),
        ("x/1.png", 3, "duplicate", "same bytes as two", "two"),
    ]


def test_a_name_that_is_sent_again_replaces_its_file(admin, upload):
    send(admin, upload, {"1.png": b"cut off by the network"})
    send(admin, upload, {"1.png": picture_bytes(1)})
    assert start_and_work(admin, upload)["counts"]["imported"] == 1


def test_a_folder_of_250_files_comes_in_by_calls_of_100(admin, upload):
    picture = picture_bytes(1)
    names = [f"{n:03}.png" for n in range(250)]
    for first in range(0, 250, 100):
        answer = send(admin, upload, dict.fromkeys(names[first : first + 100], picture))
        assert answer.status_code == 200
    assert answer.data["counts"]["waiting"] == 250
    too_many = send(admin, upload, dict.fromkeys([f"x{n}.png" for n in range(101)], picture))
    assert (too_many.status_code, too_many.data["field"]) == (400, "files[]")
    assert "At most 100 files a call, got 101." in too_many.data["detail"]


REFUSED_FILES = [
    ("nothing sent", {}, True, "No file was sent."),
    ("a path that leads out", {"../x.png": b"x"}, True, "'../x.png' leads out"),
    ("an absolute path", {"/etc/x.png": b"x"}, True, "must be relative"),
]


@pytest.mark.parametrize(
    ("files", "paths", "sentence"),
    [pytest.param(*case, id=name) for name, *case in REFUSED_FILES],
)
def test_refused_uploads_leave_nothing(admin, upload, files, paths, sentence):
    before = stored_uploads()
    answer = send(admin, upload, files, paths=paths)
    assert answer.status_code == 400
    assert sentence in answer.data["detail"]
    assert not StagedFile.objects.exists()
    assert stored_uploads() == before


def test_paths_must_be_as_many_as_files(admin, upload):
    body = {"files[]": [SimpleUploadedFile("a.png", b"x")], "paths": ["a.png", "b.png"]}
    answer = admin.post(f"{upload}files/", body, format="multipart")
    assert (answer.status_code, answer.data["field"]) == (400, "paths")


A_PNG = {"a.png": picture_bytes(9)}


@pytest.mark.parametrize(
    ("files", "sentence", "mended"),
    [
        pytest.param({}, "There is no file in upload.", A_PNG, id="nothing was uploaded"),
        pytest.param(
            {"manifest.csv": "file_name\na.png\nb.png\n", **A_PNG},
            "manifest.csv:3: There is no file 'b.png' in upload.",
            {"manifest.csv": "file_name\na.png\n"},
            id="a manifest that names a missing file",
        ),
        pytest.param(
            {"a.zip": zip_of(A_PNG), "b.zip": zip_of(A_PNG)},
            "b.zip: Two uploads hold a file 'a.png'.",
            {"b.zip": zip_of({".hidden": b"x"})},
            id="two archives with the same name",
        ),
        pytest.param(
            {"a.zip": b"no zip"},
            "a.zip: It is no zip archive",
            {"a.zip": zip_of(A_PNG)},
            id="a broken archive",
        ),
        pytest.param(
            {"a.zip": zip_of({"../../x.png": b"x"})},
            "a.zip: A bad entry: ",
            {"a.zip": zip_of(A_PNG)},
            id="a bad entry",
        ),
        pytest.param(
            {"captions.csv": "image_id,caption\nx,A\n", **A_PNG},
            "captions.csv:2: There is no image 'x'",
            {"captions.csv": "image_id,caption\na.png,A\n"},
            id="a caption of an unknown image",
        ),
    ],
)
def test_a_start_that_is_refused_can_be_mended(admin, upload, files, sentence, mended):
    if files:
        send(admin, upload, files)
    answer = admin.post(f"{upload}start/")
    assert answer.status_code == 400
    assert sentence in answer.data["detail"]
    assert not Job.objects.exists()
    assert not Image.objects.exists()
    assert admin.get(upload).data["counts"]["waiting"] == len(files)
    send(admin, upload, mended)
    assert start_and_work(admin, upload)["counts"]["imported"] == 1


def test_a_started_import_takes_no_more_files_and_starts_once(admin, upload):
    send(admin, upload, {"1.png": picture_bytes(1)})
    start_and_work(admin, upload)
    late = send(admin, upload, {"2.png": picture_bytes(2)})
    again = admin.post(f"{upload}start/")
    assert (late.status_code, late.data["code"]) == (409, "import_started")
    assert (again.status_code, again.data["code"]) == (409, "import_started")


def test_a_second_import_waits_for_the_first(admin, upload):
    send(admin, upload, {"1.png": picture_bytes(1)})
    assert admin.post(f"{upload}start/").status_code == 202
    other = admin.post("/api/v1/collections/animals/imports/", {"source": "upload"}).data
    other = f"/api/v1/imports/{other['id']}/"
    send(admin, other, {"2.png": picture_bytes(2)})
    answer = admin.post(f"{other}start/")
    assert (answer.status_code, answer.data["code"]) == (409, "import_under_way")
    work_on_job(job=Job.objects.get(), worker="w1")
    assert admin.post(f"{other}start/").status_code == 202


def test_an_upload_without_room_is_refused_before_it_is_read(admin, upload, settings):
    settings.DISK_RESERVE = 2**62
    answer = send(admin, upload, {"1.png": picture_bytes(1)})
    assert (answer.status_code, answer.data["code"]) == (503, "no_space")
    assert not StagedFile.objects.exists()


@pytest.mark.parametrize("role", ["assessor", "researcher"])
def test_only_admins_upload(upload, role):
    client = APIClient()
    client.force_authenticate(make_user(role, role=role))
    assert send(client, upload, {"1.png": picture_bytes(1)}).status_code == 403
    assert client.post(f"{upload}start/").status_code == 403
    seen = client.get(upload).status_code
    assert seen == (200 if role == "researcher" else 403)


def test_imports_of_a_collection_are_listed_newest_first(admin, upload):
    admin.post("/api/v1/collections/animals/imports/", {"source": "upload"})
    rows = admin.get("/api/v1/collections/animals/imports/").data["results"]
    newest = list(Import.objects.order_by("-pk").values_list("pk", flat=True))
    assert [row["id"] for row in rows] == newest


def test_a_list_of_imports_costs_the_same_queries_for_1_and_30(
    admin, upload, django_assert_num_queries
):
    send(admin, upload, {"1.png": picture_bytes(1)})
    start_and_work(admin, upload)
    url = "/api/v1/collections/animals/imports/"
    for more in (0, 29):
        for _ in range(more):
            admin.post(url, {"source": "upload"})
        with django_assert_num_queries(3):  # collection, count, page
            rows = admin.get(url).data["results"]
    assert rows[-1]["counts"]["imported"] == rows[-1]["job"]["done"] == 1


def test_two_files_of_one_name_in_a_call_are_refused_by_name(admin, upload):
    files = [SimpleUploadedFile("0.jpg", picture_bytes()) for _ in range(2)]
    answer = admin.post(f"{upload}files/", {"files[]": files}, format="multipart")
    assert answer.status_code == 400
    assert answer.data["detail"] == "Two files are called 0.jpg."
    assert not StagedFile.objects.exists()
