"""The supervisor with small programs of its own; the real ones are in tests/journeys."""

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time

import pytest

from apps.common import supervisor as module
from apps.common.supervisor import Program, Supervisor


def python(name: str, code: str) -> Program:
    return Program(name=name, command=(sys.executable, "-u", "-c", textwrap.dedent(code)))


class Lines(list):
    """What the supervisor said; `wait` for a part of it."""

    def wait(self, part: str, *, times: int = 1, timeout: float = 15) -> None:
        deadline = time.monotonic() + timeout
        while sum(part in line for line in self) < times:
            assert time.monotonic() < deadline, f"no {part!r} in {self}"
            time.sleep(0.02)


def run(programs, until):
    """Run the programs; `until(lines)` waits in a thread and then the supervisor gets SIGTERM."""
    lines, failures = Lines(), []

    def watch():
        try:
            until(lines)
        except BaseException as error:
            failures.append(error)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    asyncio.run(
        Supervisor(programs=programs, say=lines.append).run(
            meanwhile=lambda: threading.Thread(target=watch).start()
        )
    )
    if failures:
        raise failures[0]
    return lines


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not yet collected does not."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True)
    return state.stdout.strip()[:1] not in {"", "Z"}


SLEEP = "import time; print('up'); time.sleep(60)"


def test_lines_are_shown_with_their_program_and_all_ends_on_a_signal():
    lines = run(
        [python("web", SLEEP), python("worker", SLEEP)], lambda said: said.wait("up", times=2)
    )
    assert sorted(lines) == ["web    | up", "worker | up"]


def test_a_crashed_program_starts_again_after_growing_pauses():
    lines = run(
        [python("web", SLEEP), python("worker", "raise SystemExit(3)")],
        lambda said: said.wait("starts again", times=2),
    )
    assert "worker ended with status 3; it starts again in 1 s." in lines
    assert "worker ended with status 3; it starts again in 2 s." in lines
    assert not any(line.startswith("web ended") for line in lines)


def test_a_program_that_does_not_end_is_killed_with_what_it_started(monkeypatch):
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.5)
    deaf = """
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print("child", child.pid)
        time.sleep(60)
    """
    lines = run([python("deaf", deaf)], lambda said: said.wait("child"))
    child = int(lines[0].split()[-1])
    assert "deaf did not end within 0 s and is killed." in lines
    assert not alive(child)


def test_noise_is_counted_not_shown():
    lines = run(
        [python("loud", "for n in range(5000): print(n)\nimport time; time.sleep(60)")],
        lambda said: (said.wait("| 0"), time.sleep(1.5)),
    )
    shown = [line for line in lines if "left out" not in line]
    left_out = [int(line.split()[-4]) for line in lines if "left out" in line]
    # Two wall-clock seconds may share the burst.
    assert len(shown) <= 3 * module.LINES_PER_SECOND
    assert len(shown) + sum(left_out) == 5000


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's parent-death signal is Linux's")
def test_programs_end_when_the_supervisor_is_killed(tmp_path):
    script = f"""
import asyncio, sys
sys.path.insert(0, {str(os.getcwd())!r})
from apps.common.supervisor import Program, Supervisor
code = "import os, time; print(os.getpid()); time.sleep(60)"
program = Program("web", (sys.executable, "-u", "-c", code))
asyncio.run(Supervisor(programs=[program], say=lambda line: print(line, flush=True)).run())
"""
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as process:
        child = int(process.stdout.readline().split()[-1])
        assert alive(child)
        process.kill()
        process.wait()
        deadline = time.monotonic() + 5
        while alive(child):
            assert time.monotonic() < deadline
            time.sleep(0.02)
