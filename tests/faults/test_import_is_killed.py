"""Imports whose command, worker or messages are lost end with the result of an undisturbed one."""

import hashlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.factories.pictures import picture_bytes
from tests.program import ROOT, Program, new_data_folder, wait_for

N_FILES = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """300 files: 255 images, 30 copies of some of them and 15 that are no images."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(N_FILES):
        content = picture_bytes(number % 270, width=400, height=300)
        (folder / f"{number:03}.png").write_bytes(content[: 50 if number % 18 == 5 else None])
    return folder


@pytest.fixture
def program():
    program = Program(new_data_folder(), LIKENESS_JOB_LEASE="3")
    try:
        program.manage("migrate", "--verbosity", "0")
        yield program
    finally:
        program.stop()
        shutil.rmtree(program.data, ignore_errors=True)


def rows(program: Program, query: str) -> list[tuple]:
    database = sqlite3.connect(program.data / "likeness.sqlite3", timeout=20)
    try:
        return database.execute(query).fetchall()
    finally:
        database.close()


def parts_done(program: Program) -> int:
    return rows(program, "SELECT count(*) FROM jobs_jobpart WHERE state = 'done'")[0][0]


def result(program: Program) -> tuple[list[tuple], list[tuple]]:
    """Images and outcomes, after a check that every file is there, whole and nobody else's."""
    images = rows(
        program,
        "SELECT ordinal, image_id, sha256, width, height FROM catalog_image ORDER BY ordinal",
    )
    files = rows(
        program,
        "SELECT position, outcome, reason FROM catalog_importedfile ORDER BY position",
    )
    assert [image[0] for image in images] == list(range(len(images)))
    stored = program.data / "files"
    originals = {path.name: path for path in stored.glob("originals/*/*")}
    assert set(originals) == {image[2] for image in images}
    assert all(_sha256(path) == name for name, path in originals.items())
    assert len(list(stored.glob("derivatives/*/*/display.webp"))) == len(images)
    assert len(list(stored.glob("derivatives/*/*/thumb.webp"))) == len(images)
    return images, files


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def undisturbed(folder):
    program = Program(new_data_folder())
    try:
        program.manage("migrate", "--verbosity", "0")
        program.manage("import_images", "animals", folder, "--create")
        images, files = result(program)
    finally:
        shutil.rmtree(program.data, ignore_errors=True)
    assert len(files) == N_FILES
    assert {outcome for _, outcome, _ in files} == {"imported", "duplicate", "rejected"}
    return images, files


def begin(program: Program, folder: Path) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_images", "animals", str(folder), "--create"],
        cwd=ROOT,
        env=program.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.parametrize("after_parts", [0, 1, 3])
def test_a_killed_command_goes_on_when_it_is_run_again(program, folder, undisturbed, after_parts):
    command = begin(program, folder)
    wait_for(
        lambda: (
            bool(rows(program, "SELECT 1 FROM jobs_jobpart WHERE state = 'running'"))
            and parts_done(program) >= after_parts
        ),
        timeout=60,
        what="the import to be under way",
    )
    time.sleep(0.2)  # into the middle of a part
    command.kill()
    command.communicate()
    assert parts_done(program) < 6  # of 5 parts and the last one
    program.manage("import_images", "animals", folder)
    assert result(program) == undisturbed
    assert rows(program, "SELECT max(attempts) FROM jobs_jobpart")[0][0] <= 2


@pytest.mark.slow
def test_ctrl_c_ends_at_once_and_two_commands_then_share_the_rest(program, folder, undisturbed):
    command = begin(program, folder)
    wait_for(lambda: parts_done(program) >= 1, timeout=60, what="a part to be done")
    command.send_signal(signal.SIGINT)
    started = time.monotonic()
    said, _ = command.communicate(timeout=10)
    assert command.returncode == 130
    assert time.monotonic() - started < 5
    assert "run the same command again" in said
    assert "Traceback" not in said
    both = [begin(program, folder) for _ in range(2)]
    for each in both:
        said, _ = each.communicate(timeout=120)
        assert each.returncode == 0, said
    assert result(program) == undisturbed
    assert rows(program, "SELECT max(attempts) FROM jobs_jobpart") == [(1,)]


@pytest.mark.slow
def test_killed_workers_and_lost_messages_are_made_good(program, folder, undisturbed):
    command = begin(program, folder)
    wait_for(lambda: parts_done(program) >= 1, timeout=60, what="a part to be done")
    command.kill()
    command.communicate()
    program.start()  # nobody has asked its worker: only the reconciler can
    wait_for(lambda: parts_done(program) >= 2, timeout=120, what="a worker to take over")
    for process, line in program.children().items():
        if "celery" in line and "worker" in line:
            os.kill(process, signal.SIGKILL)
    shutil.rmtree(program.data / "broker", ignore_errors=True)
    wait_for(
        lambda: rows(program, "SELECT state FROM jobs_job") == [("done",)],
        timeout=120,
        what="the job to end by itself",
    )
    assert result(program) == undisturbed
