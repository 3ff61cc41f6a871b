"""The real program, served from a data folder of its own while something is measured."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings


@dataclass(frozen=True)
class Served:
    """The program as it runs: its address, its supervisor, and when it was started."""

    address: str
    pid: int
    seconds: float  # from its start to the first page


def manage(folder: str, *words: str) -> str:
    """Run `manage.py WORDS...` on a data folder; returns what it printed."""
    return subprocess.run(  # noqa: S603  our own program
        [sys.executable, str(settings.ROOT / "manage.py"), *words],
        env={**os.environ, "LIKENESS_DATA": folder},
        check=True,
        text=True,
        stdout=subprocess.PIPE,
    ).stdout


@contextlib.contextmanager
def served(folder: str) -> Iterator[Served]:
    """Serve a data folder that is prepared; it ends with the block."""
    started = time.monotonic()
    process = subprocess.Popen(  # noqa: S603  our own program
        [sys.executable, str(settings.ROOT / "manage.py"), "serve", "--port", "0"],
        env={**os.environ, "LIKENESS_DATA": folder},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        line = ""
        while not (found := re.search(r"Likeness is at (\S+)", line)):
            assert process.stdout is not None  # noqa: S101  it was asked for
            if not (line := process.stdout.readline()):
                raise RuntimeError("The program did not start.")
        yield Served(found[1], process.pid, time.monotonic() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()
