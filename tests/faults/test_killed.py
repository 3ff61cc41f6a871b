"""Processes are killed and the broker is emptied while a job runs: it ends by itself, and right.

Slow: run by `make test-faults`, and with everything by `make test`.
"""

import hashlib
import io
import os
import shutil
import signal
import time

import pytest
import redis
from PIL import Image

from tests import services
from tests.journeys.client import Client
from tests.program import Program, new_data_folder, wait_for

pytestmark = [pytest.mark.journey, pytest.mark.slow]

N_IMAGES = 150  # three parts of a job


def photographs() -> dict[str, bytes]:
    """Different pictures of a size that takes a worker about a tenth of a second each."""
    files = {}
    for number in range(N_IMAGES):
        image = Image.radial_gradient("L").resize((1400, 1000)).convert("RGB")
        image.paste((number, 255 - number, 128), (0, 0, 200 + number, 100))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=80)
        files[f"{number:03d}.jpg"] = buffer.getvalue()
    return files


@pytest.fixture(scope="module")
def files():
    return photographs()


@pytest.fixture(params=["embedded", "servers"])
def program(request):
    """A program of its own, with short leases, and `.broker` where that is Redis."""
    servers = []
    environment = {"LIKENESS_JOB_LEASE": "4"}
    if request.param == "servers":
        if services.find_postgres() is None:
            services.skip_or_fail(services.POSTGRES_MISSING)
        if services.find_redis() is None:
            services.skip_or_fail(services.REDIS_MISSING)
        servers = [services.start_postgres(), services.start_redis()]
        environment |= {"DATABASE_URL": servers[0].url, "REDIS_URL": servers[1].url}
    program = Program(new_data_folder(), **environment)
    program.broker = environment.get("REDIS_URL")
    try:
        program.manage("prepare", "--no-demo")
        yield program.start("--workers", "2" if servers else "1", "--concurrency", "1")
    finally:
        try:
            program.stop()
        finally:
            for server in servers:
                server.stop()
            shutil.rmtree(program.data, ignore_errors=True)


def workers(program) -> list[int]:
    """Process ids of the workers' main processes."""
    return [p for p, line in program.children().items() if " worker " in line and is_main(p)]


def is_main(pid: int) -> bool:
    return os.getpgid(pid) == pid


def pool(program) -> list[int]:
    """Process ids of the processes that do the work."""
    return [p for p, line in program.children().items() if " worker " in line and not is_main(p)]


def kill_pool(program) -> None:
    for pid in pool(program):
        os.kill(pid, signal.SIGKILL)


def kill_workers(program) -> None:
    for pid in workers(program):
        os.kill(pid, signal.SIGKILL)


def kill_everything(program) -> None:
    family = [*program.children(), program.pid]
    for pid in family:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    time.sleep(0.5)
    program.start("--concurrency", "1")


def empty_the_broker(program) -> None:
    """All messages are lost, and the workers with what they hold."""
    if program.broker:
        with redis.Redis.from_url(program.broker) as client:
            client.flushall()
    else:
        shutil.rmtree(program.data / "broker" / "messages")
        (program.data / "broker" / "messages").mkdir()
    kill_workers(program)


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(kill_pool, id="the processes that do the work are killed"),
        pytest.param(kill_workers, id="the workers are killed"),
        pytest.param(kill_everything, id="everything is killed and started again"),
        pytest.param(empty_the_broker, id="the broker forgets everything"),
    ],
)
def test_an_import_ends_by_itself_and_right_when(program, files, harm):
    program.manage("create_user", "ada", "--role", "admin")
    ada = Client(program, "ada")
    ada.post("collections/", {"name": "Rocks", "slug": "rocks"}, status=201)
    batch = ada.post("collections/rocks/imports/", {"source": "upload"}, status=201)
    names = sorted(files)
    for first in range(0, N_IMAGES, 50):
        some = {name: files[name] for name in names[first : first + 50]}
        ada.upload(f"imports/{batch['id']}/files/", some)
    job = ada.post(f"imports/{batch['id']}/start/", status=202)["job"]

    def shown() -> dict:
        return ada.get(f"jobs/{job['id']}/")

    wait_for(lambda: shown()["done"] > 5, timeout=60, what="the first images")
    assert shown()["state"] == "running"  # else there is nothing to disturb
    harm(program)
    ada = Client(program, "ada")  # the address may be another now
    wait_for(
        lambda: shown()["state"] not in ("pending", "running"),
        timeout=180,
        what="the end of the job",
    )
    ended = shown()
    assert (ended["state"], ended["error"]) == ("done", "")
    assert ended["done"] == ended["total"] == N_IMAGES
    assert max(part["attempts"] for part in ended["parts"]) <= 2
    counts = ada.get(f"imports/{batch['id']}/")["counts"]
    assert counts == {"waiting": 0, "imported": N_IMAGES, "duplicate": 0, "rejected": 0}
    check = program.manage(
        *("shell", "--verbosity", "0", "-c"),
        "from apps.catalog.models import Image\n"
        "for i in Image.objects.order_by('ordinal'): print(i.ordinal, i.image_id, i.sha256)",
    ).stdout.splitlines()
    # As an undisturbed run: in the order of the names, each once, each with its bytes.
    assert check == [
        f"{ordinal} {name} {hashlib.sha256(files[name]).hexdigest()}"
        for ordinal, name in enumerate(names)
    ]
