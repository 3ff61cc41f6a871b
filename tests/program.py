"""The real program, as `make run` starts it, on a free port and in a data folder of its own."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from apps.common.processes import end_with_parent

ROOT = Path(__file__).resolve().parents[1]
NOT_INHERITED = (
    *("DJANGO_", "PYTEST_", "LIKENESS_", "AWS_"),
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY"),
)


class Program:
    """Likeness as a separate program: `prepare`, `start`, talk to `base_url`, `stop`.

    Args:
        data: its data folder.
        environment: settings on top of an environment without any of the test's own, for example
            DATABASE_URL, REDIS_URL, LIKENESS_WEIGHTS, DJANGO_SETTINGS_MODULE.
    """

    def __init__(self, data: Path, **environment: str) -> None:
        self.data = data
        clean = {k: v for k, v in os.environ.items() if not k.startswith(NOT_INHERITED)}
        self.environment = {**clean, "LIKENESS_DATA": str(data), **environment}
        self.base_url = ""
        self.lines: list[str] = []
        self._process: subprocess.Popen | None = None

    def manage(
        self, *args: object, check: bool = True, timeout: float = 300, **environment: str
    ) -> subprocess.CompletedProcess:
        """Run `manage.py ARGS...` on the same data; a failure shows what was printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *map(str, args)],
            cwd=ROOT,
            env={**self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        if check and done.returncode != 0:
            raise AssertionError(f"manage.py {args}: {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def start(self, *options: str, timeout: float = 60) -> "Program":
        """Serve on a free port and wait until the first page answers."""
        pytest_process = os.getpid()
        if self._process is not None:
            self._process.wait(timeout=1)  # it was killed; two at once are never meant
        self.lines.clear()
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", "--port", "0", *options],
            cwd=ROOT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
            preexec_fn=lambda: end_with_parent(parent=pytest_process, with_signal=signal.SIGTERM),
        )
        threading.Thread(target=self._read, args=(self._process,), daemon=True).start()
        address = self.wait_for_line(r"Likeness is at (http://\S+?)/ ", timeout=timeout)
        self.base_url = address.group(1)
        return self

    def _read(self, process: subprocess.Popen) -> None:
        with process.stdout as stream:
            for line in stream:
                self.lines.append(line.rstrip())

    def wait_for_line(self, pattern: str, *, timeout: float = 60) -> re.Match:
        found: list[re.Match] = []

        def there() -> bool:
            found.extend(m for line in list(self.lines) if (m := re.search(pattern, line)))
            return bool(found) or self.pid == 0

        wait_for(there, timeout=timeout, what=f"a line like {pattern!r}")
        if not found:
            raise AssertionError("The program ended:\n" + "\n".join(self.lines[-50:]))
        return found[0]

    @property
    def pid(self) -> int:
        """The supervisor's process id, or 0 when it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if running else 0

    def children(self) -> dict[int, str]:
        """Process id and command line of all that the supervisor started, also indirectly."""
        return descendants(self.pid) if self.pid else {}

    def kill(self, number: int = signal.SIGKILL) -> None:
        """Send a signal to the supervisor alone."""
        os.kill(self.pid, number)

    def stop(self, timeout: float = 20) -> int:
        """Ctrl-C; returns the exit status (0: all ended in good order)."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                for pid in [*self.children(), self._process.pid]:
                    os.kill(pid, signal.SIGKILL)
                self._process.wait()
                said = "\n".join(self.lines[-30:])
                raise AssertionError(f"The program did not end:\n{said}") from error
        return self._process.returncode


def wait_for(condition: Callable[[], object], *, timeout: float = 30, what: str = "it") -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"Waited {timeout:.0f} s in vain for {what}.")
        time.sleep(0.05)


def descendants(pid: int) -> dict[int, str]:
    """Process id and command line of a process's children and their children."""
    listing = subprocess.run(
        ["ps", "-ww", "-eo", "pid=,ppid=,args="], capture_output=True, text=True, check=True
    ).stdout
    rows = [line.split(None, 2) for line in listing.splitlines()]
    found: dict[int, str] = {}
    parents = {pid}
    while parents:
        new = {int(r[0]): r[2] for r in rows if int(r[1]) in parents and int(r[0]) not in found}
        found.update(new)
        parents = set(new)
    return found


def new_data_folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="likeness-data-"))
