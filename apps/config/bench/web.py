"""The budgets of the web process, measured on the real program in a data folder of its own."""

import contextlib
import re
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from apps.config.bench.program import manage, served
from apps.retrieval.bench import Measurement

RESIDENT_MIB = 150
FIRST_PAGE_SECONDS = 3
PAGES = ("", "admin/login/", "api/v1/schema/", "api/v1/health/", "api/v1/auth/session/")


def web_process(*, quick: bool) -> list[Measurement]:
    """Time to the first page after the start, and memory after many pages.

    Linux only: memory is read from /proc. The proportional size would be smaller; the resident one
    counts shared libraries in full.
    """
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as folder:
        manage(folder, "prepare", "--no-demo")
        with served(folder) as program:
            for page in PAGES * (4 if quick else 40):
                _visit(program.address + page)
            resident = max(_resident_mib(pid) for pid in _web_processes(program.pid))
    return [
        Measurement(
            name="web process: resident memory after some pages",
            value=resident,
            unit="MiB",
            bound=f"<= {RESIDENT_MIB}",
        ),
        Measurement(
            name="web process: first page after the start",
            value=program.seconds,
            unit="s",
            bound=f"<= {FIRST_PAGE_SECONDS}",
        ),
    ]


def _visit(address: str) -> None:
    # 403, 503: it is the work of answering that counts.
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(address, timeout=30).read()  # noqa: S310  our own program


def _web_processes(supervisor: int) -> Iterator[int]:
    """The web server's processes: children and grandchildren of the supervisor."""
    children = _children(supervisor)
    for pid in [*children, *(grandchild for child in children for grandchild in _children(child))]:
        if b"gunicorn" in Path(f"/proc/{pid}/cmdline").read_bytes():
            yield pid


def _children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _resident_mib(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None  # noqa: S101  every process has it
    return int(found[1]) / 1024
