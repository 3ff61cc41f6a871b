"""Machines that share nothing but database, broker and object store; one of them is lost."""

import io
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import psycopg2
import pytest

from apps.common.processes import end_with_parent
from tests import services
from tests.factories.pictures import picture_bytes
from tests.journeys.client import Client
from tests.program import ROOT, Program, descendants, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow, pytest.mark.postgres, pytest.mark.redis]

N_IMAGES = 70  # two parts of an import, seven shards of a space
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.small_shards", "LIKENESS_JOB_LEASE": "5"}
DESIGN = {
    "name": "Ramps",
    "slug": "ramps",
    "collection": "ramps",
    "methods": ["cld", "ehd"],
    "depth": 5,
    "categories": [{"name": "Open Domain", "groups": ["CS"]}],
    "queries": [
        {"id": f"q{number}", "category": "Open Domain", "image": f"{number:03d}.png"}
        for number in (0, 33, 69)
    ],
}

# What a study is made of, but for the names and times that are each run's own.
STATE = """
import hashlib, json
from django.core.files.storage import default_storage
from apps.catalog.models import Image
from apps.retrieval.models import PoolSource, Ranking, Shard

def digest(name):
    with default_storage.open(name) as file:
        return hashlib.sha256(file.read()).hexdigest()

names = dict(Image.objects.values_list("pk", "image_id"))
print(json.dumps({
    "images": [
        [i.ordinal, i.image_id, i.sha256, digest(i.original), digest(i.display_name),
         digest(i.thumb_name)]
        for i in Image.objects.order_by("ordinal")
    ],
    "shards": [
        [*row, digest(file)] for *row, file in Shard.objects.order_by("space__name", "start")
        .values_list("space__name", "start", "rows", "sha256", "file")
    ],
    "rankings": [
        [query, method, [names[pk] for pk in images], scores] for query, method, images, scores in
        Ranking.objects.order_by("query__query_id", "method")
        .values_list("query__query_id", "method", "images", "scores")
    ],
    "pools": sorted(PoolSource.objects.values_list(
        "entry__query__query_id", "entry__image__image_id", "method", "rank", "score")),
}, default=list))
"""
ALONE = """
from django.core.management import call_command as run
run("migrate", verbosity=0)
run("import_images", "ramps", {folder!r}, "--create")
run("extract_features", "ramps", "--space", "cld", "--space", "ehd")
run("create_study", "ramps", "--collection", "ramps", "--from", {design!r})
run("build_pools", "ramps")
"""


class Machine:
    """A data folder of its own and the programs that run on it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.program = Program(folder, **environment)
        self.data = folder
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self, name: str, *command: str) -> None:
        parent = os.getpid()
        self.data.mkdir(exist_ok=True)
        with (self.data / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env={**self.program.environment, "REMAP_SIGTERM": "SIGQUIT"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: end_with_parent(parent=parent, with_signal=signal.SIGTERM),
            )

    def start_worker(self, name: str) -> None:
        options = ("--queues", "cpu,gpu", "--concurrency", "1", "--hostname", f"{name}@%h")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        celery = ("-W", "ignore", "-m", "celery", "--quiet", "--app", "apps.config")
        self.start("worker", *celery, "worker", *options, *quiet)

    def family(self) -> list[int]:
        return [
            pid
            for process in self.processes.values()
            for pid in [process.pid, *descendants(process.pid)]
        ]

    def lose(self) -> None:
        """Power and disk at once."""
        for pid in self.family():
            os.kill(pid, signal.SIGKILL)
        for process in self.processes.values():
            process.wait()
        shutil.rmtree(self.data)

    def end(self) -> None:
        for process in self.processes.values():
            process.terminate()

    def wait(self) -> None:
        for process in self.processes.values():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="module")
def pictures() -> dict[str, bytes]:
    return {
        f"{number:03d}.png": picture_bytes(number, width=320, height=240)
        for number in range(N_IMAGES)
    }


@pytest.fixture(scope="module")
def alone(pictures, tmp_path_factory) -> dict:
    """The same study on one machine with local files."""
    folder = tmp_path_factory.mktemp("pictures")
    for name, content in pictures.items():
        (folder / name).write_bytes(content)
    design = folder.with_suffix(".toml")
    lines = ['name = "Ramps"', 'methods = ["cld", "ehd"]', "depth = 5"]
    lines += ["[[category]]", 'name = "Open Domain"', 'groups = ["CS"]']
    for query in DESIGN["queries"]:
        lines.append("[[query]]")
        lines += [f"{key} = {json.dumps(value)}" for key, value in query.items()]
    design.write_text("\n".join(lines))
    program = Program(tmp_path_factory.mktemp("alone"), **SETTINGS)
    code = ALONE.format(folder=str(folder), design=str(design))
    program.manage("shell", "--verbosity", "0", "-c", code)
    return json.loads(program.manage("shell", "--verbosity", "0", "-c", STATE).stdout)


@pytest.fixture(scope="module")
def shared_servers():
    if services.find_postgres() is None:
        services.skip_or_fail(services.POSTGRES_MISSING)
    if services.find_redis() is None:
        services.skip_or_fail(services.REDIS_MISSING)
    running = [services.start_postgres(), services.start_redis(), services.start_store()]
    try:
        yield running
    finally:
        for server in running:
            server.stop()


@pytest.fixture(scope="module")
def machines(shared_servers, tmp_path_factory):
    """One with the web server and the scheduler, two with a worker each."""
    database, broker, store = shared_servers
    environment = {**SETTINGS, **store.environment, "SECRET_KEY": "shared by all of them" * 3}
    environment |= {"DATABASE_URL": database.url, "REDIS_URL": broker.url}
    folder = tmp_path_factory.mktemp("machines")
    found = [Machine(folder / name, environment) for name in ("web", "one", "two")]
    web, *workers = found
    web.program.manage("migrate", "--verbosity", "0")
    port = services.free_port()
    web.program.base_url = f"http://127.0.0.1:{port}"
    try:
        gunicorn = ("-m", "gunicorn", "apps.config.wsgi", "--bind", f"127.0.0.1:{port}")
        web.start("web", *gunicorn, "--threads", "4", "--no-control-socket")
        web.start("scheduler", "-m", "celery", "--app", "apps.config", "beat", "--pidfile=")
        for worker in workers:
            worker.start_worker(worker.data.name)
        yield found
    finally:
        for machine in found:
            machine.end()
        for machine in found:
            machine.wait()


def zipped(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def stored(store: services.Store, folder: str = "") -> set[str]:
    """First words of the names of all objects in a folder of the store."""
    url = f"{store.url}/likeness?list-type=2&prefix=studies/{folder}"
    with urllib.request.urlopen(url, timeout=20) as listing:
        return set(re.findall(r"<Key>studies/(\w+)/", listing.read().decode()))


def part_held_by(machine: Machine, *, database: str, job: int) -> str:
    """The key of the part that a machine's worker is doing, or an empty string."""
    with psycopg2.connect(database) as connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT key, worker FROM jobs_jobpart WHERE job_id = %s AND state = 'running'", [job]
        )
        parts = {int(worker.rpartition(":")[2]): key for key, worker in cursor.fetchall()}
    connection.close()
    return next((parts[pid] for pid in machine.family() if pid in parts), "")


def test_a_machine_is_lost_in_mid_run_and_the_result_is_that_of_one_machine_alone(
    machines, shared_servers, pictures, alone
):
    web, one, two = machines
    database, _, store = shared_servers
    web.program.manage("create_user", "ada", "--role", "admin")
    key = web.program.manage("create_token", "ada").stdout.split()[-1]
    admin = Client(web.program, "ada", key=key)
    wait_for(lambda: answers(web), timeout=60, what="the web server")

    # Images: some as they are, most in an archive, which the workers read in the store.
    admin.post("collections/", {"name": "Ramps", "slug": "ramps"}, status=201)
    batch = admin.post("collections/ramps/imports/", {"source": "upload"}, status=201)
    names = sorted(pictures)
    inside = {name: pictures[name] for name in names[20:]}
    files = {name: pictures[name] for name in names[:20]} | {"rest.zip": zipped(inside)}
    admin.upload(f"imports/{batch['id']}/files/", files)
    admin.wait_for_job(admin.post(f"imports/{batch['id']}/start/", status=202))

    # Features. The store falls silent, so that both machines are in the middle of a part, until
    # one of them is gone.
    wait_for(lambda: len(admin.get("jobs/workers/")["workers"]) == 2, what="both workers")
    wait_for(lambda: not stored(store, "staging/"), what="the end of the uploads")
    store.process.send_signal(signal.SIGSTOP)
    answer = admin.post(
        "collections/ramps/spaces/", {"spaces": ["cld", "ehd"], "device": "cpu"}, status=202
    )
    job = answer["job"]["id"]
    for machine in (one, two):
        wait_for(lambda m=machine: part_held_by(m, database=database.url, job=job))
    lost = part_held_by(two, database=database.url, job=job)
    two.lose()
    store.process.send_signal(signal.SIGCONT)
    done = admin.wait_for_job(answer)
    attempts = {part["key"]: part["attempts"] for part in done["parts"]}
    assert len(attempts) == 7  # one extractor makes both spaces
    assert attempts[lost] == max(attempts.values()) == 2

    admin.post("studies/", {"design": DESIGN}, status=201)
    admin.wait_for_job(admin.post("studies/ramps/pools/", {}, status=202))

    state = json.loads(web.program.manage("shell", "--verbosity", "0", "-c", STATE).stdout)
    assert state == alone
    assert len(state["images"]) == N_IMAGES

    # The web server gives what workers elsewhere have made, with the headers of local files.
    image = admin.get("collections/ramps/images/?page_size=1")["results"][0]
    request = urllib.request.Request(
        web.program.base_url + image["image_url"], headers={"Authorization": f"Token {key}"}
    )
    with urllib.request.urlopen(request, timeout=20) as shown:
        assert shown.read()[8:12] == b"WEBP"
        assert shown.headers["Cache-Control"] == "private, max-age=86400, immutable"
        assert shown.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    with pytest.raises(urllib.error.HTTPError, match=r"401|403"):
        urllib.request.urlopen(web.program.base_url + image["image_url"], timeout=20)
    admin.wait_for_job(admin.post("studies/ramps/releases/", {}, status=202))
    url = admin.get("studies/ramps/releases/")["results"][0]["url"].removeprefix("/api/v1/")
    with zipfile.ZipFile(io.BytesIO(admin.get(url))) as archive:
        assert archive.testzip() is None
        assert "ramps/pools.csv" in archive.namelist()

    # Nothing that counts lies on a machine, and the store keeps nothing that nobody needs.
    for machine in (web, one):
        assert not (machine.data / "files").exists()
    assert list((one.data / "cache").glob("??/*"))
    assert stored(store) == {"derivatives", "features", "originals", "releases"}


def answers(web: Machine) -> bool:
    assert web.processes["web"].poll() is None, (web.data / "web.log").read_text()
    try:
        urllib.request.urlopen(f"{web.program.base_url}/admin/login/", timeout=5).close()
    except OSError:
        return False
    return True
