"""The whole way by HTTP and by commands: on the embedded defaults and on real servers."""

import csv
import io
import json
import os
import signal
import time
import uuid
import zipfile
from pathlib import Path

import pytest

from apps.config.demo import photographs
from tests.journeys.client import Client

pytestmark = [pytest.mark.journey, pytest.mark.slow]

SUBJECTS = ("retina", "ihc", "coins", "chelsea", "rocket", "page")
PER_SUBJECT = 8
QUERIES = [
    ("q1", "Medical (Open)", "retina/00.jpg"),
    ("q2", "Medical (Open)", "ihc/01.jpg"),
    ("q3", "Open Domain", "coins/02.jpg"),
    ("q4", "Open Domain", "chelsea/03.jpg"),
    ("q5", "Open Domain", "rocket/04.jpg"),
]
DEPTH = 6


@pytest.fixture(scope="module")
def details(tmp_path_factory) -> dict[str, bytes]:
    """A few dozen details of real photographs by name."""
    folder = tmp_path_factory.mktemp("details")
    photographs.cut_details(folder)
    names = [f"{subject}/{i:02d}.jpg" for subject in SUBJECTS for i in range(PER_SUBJECT)]
    return {name: (folder / name).read_bytes() for name in names}


@pytest.fixture(
    scope="module",
    params=[
        pytest.param("likeness_server", id="SQLite and files"),
        pytest.param("likeness_on_servers", id="PostgreSQL, Redis, two workers"),
    ],
)
def program(request):
    return request.getfixturevalue(request.param)


def level_of(query: str, candidate: str) -> int:
    """What a careful person would say of two details: the same photograph is similar."""
    return 4 if query.partition("/")[0] == candidate.partition("/")[0] else 1


def judge_everything(client: Client, *, study: str, names: dict[str, str]) -> int:
    """Answer every open pair through the API; returns how many there were."""
    answered = 0
    while tasks := client.get(f"assess/{study}/tasks/?limit=10")["tasks"]:
        for task in tasks:
            pair = [names[task[side]["image_url"]] for side in ("query", "candidate")]
            body = {"task_id": task["task_id"], "level": level_of(*pair), "active_ms": 900}
            client.put(f"judgments/{uuid.uuid4()}/", body, status=201)
            answered += 1
    return answered


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_from_images_to_release(program, details, tmp_path):
    for name, role, groups in [
        ("root", "admin", ()),
        ("ada", "assessor", ("ML", "CS")),
        ("ben", "assessor", ("ML", "CS")),
    ]:
        options = [word for group in groups for word in ("--group", group)]
        program.manage("create_user", name, "--role", role, *options)
    admin, ada, ben = (Client(program, name) for name in ("root", "ada", "ben"))

    # Images, in two uploads and with one file that is none.
    admin.post("collections/", {"name": "Details", "slug": "details"}, status=201)
    batch = admin.post("collections/details/imports/", {"source": "upload"}, status=201)
    items = [*details.items(), ("notes/broken.jpg", b"this is no picture")]
    for start in range(0, len(items), 30):
        admin.upload(f"imports/{batch['id']}/files/", dict(items[start : start + 30]))
    admin.wait_for_job(admin.post(f"imports/{batch['id']}/start/", status=202))
    counts = admin.get(f"imports/{batch['id']}/")["counts"]
    assert (counts["imported"], counts["rejected"]) == (len(details), 1)
    rejected = admin.get(f"imports/{batch['id']}/files/?outcome=rejected")["results"]
    assert rejected[0]["file_name"] == "notes/broken.jpg"
    assert rejected[0]["reason"]

    # Features and the plan.
    admin.wait_for_job(
        admin.post(
            "collections/details/spaces/", {"spaces": ["cld", "ehd"], "device": "cpu"}, status=202
        )
    )
    states = {space["name"]: space["state"] for space in admin.get("collections/details/spaces/")}
    assert states["cld"] == states["ehd"] == "ready"
    design = {
        "name": "Details",
        "slug": "details",
        "collection": "details",
        "methods": ["cld", "ehd"],
        "depth": DEPTH,
        "overlap": 0.1,
        "seed": 7,
        "categories": [
            {"name": "Medical (Open)", "groups": ["ML"]},
            {"name": "Open Domain", "groups": ["CS"]},
        ],
        "queries": [{"id": q, "category": c, "image": image} for q, c, image in QUERIES],
    }
    admin.post("studies/", {"design": design}, status=201)
    admin.wait_for_job(admin.post("studies/details/pools/", {}, status=202))
    pools = admin.get("studies/details/pools/")
    assert pools["n_queries"] == len(QUERIES)
    preview = admin.post("studies/details/plan/", {"preview": True})
    plan = admin.post("studies/details/plan/", {})
    assert plan["assessors"] == preview["assessors"]
    assert sum(category["n_common"] for category in plan["categories"]) == 2

    # Two people judge all of it.
    rows = admin.get("collections/details/images/?page_size=200")["results"]
    names = {row["image_url"]: row["image_id"] for row in rows}
    answered = [judge_everything(who, study="details", names=names) for who in (ada, ben)]
    assert sum(answered) == plan["total_pairs"]
    assert admin.get("studies/details/monitor/")["done"] == sum(answered)

    # The report: two careful people agree, and the methods find their photographs.
    report = admin.get("studies/details/report/")
    agreement = {
        row["aggregation"]: row["value"] for row in report["agreement"] if row["category"] == "all"
    }
    assert agreement["12-345"] == 1.0
    precision = {
        (row["method"], row["measure"]): row["value"]
        for row in report["precision"]
        if row["category"] == "all"
    }
    assert precision["cld", "P@5"] == expected_precision(admin, "cld", rows=rows)

    # The release, read back without its images, is the same study and the same bytes.
    first, again = tmp_path / "first", tmp_path / "again"
    program.manage("export_study", "details", "--out", first)
    assert not (first / "images").exists()
    program.manage("import_study", first, "--slug", "details-again")
    program.manage("export_study", "details-again", "--out", again)
    assert tree(again) == tree(first)
    same = admin.get("studies/details-again/report/")
    for part in ("agreement", "model_agreement", "precision"):
        assert same[part] == report[part]

    changed = first / "judgments.csv"
    changed.write_bytes(changed.read_bytes().replace(b",4,", b",5,", 1))
    refused = program.manage("import_study", first, "--slug", "forged", check=False)
    assert refused.returncode == 1
    assert "judgments.csv" in refused.stderr


def expected_precision(admin: Client, method: str, *, rows: list[dict]) -> float:
    """P@5 counted again by hand, from the exported release's runs and `level_of`."""
    job = admin.wait_for_job(admin.post("studies/details/releases/", {}, status=202))
    assert job["state"] == "done"
    url = admin.get("studies/details/releases/")["results"][0]["url"].removeprefix("/api/v1/")
    with zipfile.ZipFile(io.BytesIO(admin.get(url))) as archive:
        inner = next(n for n in archive.namelist() if n.endswith(f"runs/{method}.run"))
        lines = archive.read(inner).decode().splitlines()
        study = next(n for n in archive.namelist() if n.endswith("study.json"))
        assert json.loads(archive.read(study))["name"] == "Details"
    images = {q: image for q, _, image in QUERIES}
    hits = 0
    for line in lines:
        query, _, candidate, rank, *_ = line.split()
        hits += int(rank) <= 5 and level_of(images[query], candidate) >= 3
    return hits / (5 * len(QUERIES))


def test_without_a_worker_the_pages_say_so_within_ten_seconds(program):
    admin = Client(program, "root")
    assert admin.get("jobs/workers/")["alive"]
    workers = [pid for pid, line in program.children().items() if " worker " in line]
    assert workers
    supervisor_pause = time.monotonic()
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    try:
        while admin.get("jobs/workers/")["alive"]:
            assert time.monotonic() - supervisor_pause < 12
            time.sleep(0.5)
    finally:
        for pid in workers:
            os.kill(pid, signal.SIGCONT)


def test_the_release_is_plain_csv(program, tmp_path):
    program.manage("export_study", "details", "--out", tmp_path / "release")
    with (tmp_path / "release" / "judgments.csv").open(newline="") as file:
        first = next(csv.reader(file))
    assert first[:4] == ["query_id", "image_id", "assessor", "level"]
