"""Run several programs as one: start, show their lines, start again what crashed, end all.

Why not honcho, circus or supervisord: docs/decisions/supervisor.md
"""

import asyncio
import contextlib
import os
import signal
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from apps.common.processes import end_with_parent

GRACE_SECONDS = 8.0  # what is still there after so long is killed
LONGEST_PAUSE = 30.0  # between two starts of a program that keeps crashing
STEADY_SECONDS = 60.0  # a program that ran for so long starts again at once
HEAD_START_SECONDS = 5.0  # of the first program, at most
LINES_PER_SECOND = 20  # of one program; what is more is counted and left out


@dataclass(frozen=True)
class Program:
    """One program: its name as shown before its lines, its command, and what it inherits."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    descriptors: tuple[int, ...] = ()


class Supervisor:
    """Keeps programs running until SIGINT or SIGTERM.

    Args:
        programs: each in a process group of its own, so that Ctrl-C reaches the supervisor alone
            and a group can be ended with all it started.
        say: prints one line.
    """

    def __init__(self, *, programs: Sequence[Program], say: Callable[[str], None]) -> None:
        self._programs = programs
        self._say = say
        self._width = max(len(program.name) for program in programs)
        self._running: dict[str, Process] = {}
        self._stopping = asyncio.Event()

    async def run(self, *, meanwhile: Callable[[], None] | None = None) -> None:
        """Run until told to stop.

        `meanwhile` is called in a thread once the first program was started. The others follow
        when it returns: they would take the processor from the page that somebody waits for.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop)
        first, *others = self._programs
        keepers = [asyncio.create_task(self._keep(first))]
        stopped = asyncio.create_task(self._stopping.wait())
        if meanwhile is not None:
            either: set[asyncio.Future[Any]] = {loop.run_in_executor(None, meanwhile), stopped}
            await asyncio.wait(
                either, timeout=HEAD_START_SECONDS, return_when=asyncio.FIRST_COMPLETED
            )
        keepers += [asyncio.create_task(self._keep(program)) for program in others]
        await stopped
        await self._end_all()
        await asyncio.gather(*keepers)

    @property
    def stopping(self) -> bool:
        return self._stopping.is_set()

    def _stop(self) -> None:
        if self.stopping:  # asked twice: at once
            for process in self._running.values():
                _signal_group(process, signal.SIGKILL)
        self._stopping.set()

    async def _keep(self, program: Program) -> None:
        pause = 1.0
        while not self.stopping:
            started = time.monotonic()
            status = await self._run_once(program)
            if self.stopping:
                return
            if time.monotonic() - started > STEADY_SECONDS:
                pause = 1.0
            self._say(
                f"{program.name} ended {_in_words(status)}; it starts again in {pause:.0f} s."
            )
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), timeout=pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _run_once(self, program: Program) -> int:
        supervisor = os.getpid()
        process = await asyncio.create_subprocess_exec(
            *program.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env={**os.environ, **program.environment},
            pass_fds=program.descriptors,
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(parent=supervisor, with_signal=signal.SIGTERM),
        )
        self._running[program.name] = process
        if self.stopping:  # asked while the process was being made
            _signal_group(process, signal.SIGTERM)
        showing = asyncio.create_task(self._show(program, process))
        status = await process.wait()
        _signal_group(process, signal.SIGKILL)  # what it started and left behind
        await showing
        del self._running[program.name]
        return status

    async def _show(self, program: Program, process: Process) -> None:
        assert process.stdout is not None  # noqa: S101  it was asked for
        second, shown, left_out = 0, 0, 0
        async for line in _lines(process.stdout):
            if (now := int(time.monotonic())) != second:
                if left_out:
                    self._say(f"{program.name:{self._width}} | ... {left_out} lines left out")
                second, shown, left_out = now, 0, 0
            if shown < LINES_PER_SECOND:
                self._say(f"{program.name:{self._width}} | {line}")
                shown += 1
            else:
                left_out += 1
        if left_out:
            self._say(f"{program.name:{self._width}} | ... {left_out} lines left out")

    async def _end_all(self) -> None:
        for process in list(self._running.values()):
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        while self._running and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
        for name, process in list(self._running.items()):
            self._say(f"{name} did not end within {GRACE_SECONDS:.0f} s and is killed.")
            _signal_group(process, signal.SIGKILL)


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    """Lines of any length, without their ends; blank ones are left out."""
    rest = b""
    while chunk := await stream.read(2**16):
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if text := line.decode(errors="replace").rstrip():
                yield text[:2000]
    if text := rest.decode(errors="replace").rstrip():
        yield text[:2000]


def _signal_group(process: Process, number: signal.Signals) -> None:
    # The process leads its group; the group may outlive it.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def _in_words(status: int) -> str:
    if status < 0:
        return f"by signal {signal.Signals(-status).name}"
    return f"with status {status}"
