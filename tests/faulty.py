"""Faults on purpose: a disk that fills up, a store that refuses or breaks off."""

import builtins
import errno
import io
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Disk:
    """Counts what would need room; from operation `full_from` on there is none."""

    full_from: int
    operations: int = 0

    @property
    def was_full(self) -> bool:
        return self.operations >= self.full_from

    def take(self) -> None:
        self.operations += 1
        if self.was_full:
            raise OSError(errno.ENOSPC, "No space left on device")


@contextmanager
def full_disk(*, full_from: int) -> Iterator[Disk]:
    """Let writing, making, reserving, syncing and renaming of plain files fail from there on.

    Reading and removing go on, as on a real full disk. SQLite's own files are not concerned: it
    writes past Python.
    """
    disk = Disk(full_from)
    really_open = io.open

    class Raw(io.FileIO):
        def write(self, data) -> int | None:
            if stat.S_ISREG(os.fstat(self.fileno()).st_mode):  # not a pipe to a child process
                disk.take()
            return super().write(data)

    def opened(
        file, mode="r", buffering=-1, encoding=None, errors=None, newline=None, closefd=True,
        opener=None,
    ):  # fmt: skip
        if not set(mode) & set("wax+"):
            return really_open(file, mode, buffering, encoding, errors, newline, closefd, opener)
        raw = Raw(file, mode.replace("b", "").replace("t", ""), closefd, opener)
        if buffering == 0:
            return raw
        buffer = io.BufferedRandom(raw) if "+" in mode else io.BufferedWriter(raw)
        return buffer if "b" in mode else io.TextIOWrapper(buffer, encoding, errors, newline)

    def counted(operation):
        def one(*args, **options):
            disk.take()
            return operation(*args, **options)

        return one

    really_os_open = os.open

    def os_open(path, flags, *args, **options):
        if flags & os.O_CREAT:
            disk.take()
        return really_os_open(path, flags, *args, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(io, "open", opened)
        patch.setattr(builtins, "open", opened)
        patch.setattr(os, "open", os_open)
        for name in ("fsync", "replace", "mkdir", "posix_fallocate"):
            patch.setattr(os, name, counted(getattr(os, name)))
        yield disk


# A refusal (status and code), or what becomes of the connection: `close` before an answer, `cut`
# in the middle of it. None: nothing happens.
Fault = tuple[int, str] | str | None
HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@contextmanager
def store_behind_faults(behind: str, fault_of: Callable[[str], Fault]) -> Iterator[str]:
    """A server in front of a store that passes requests on unless `fault_of(command)` says no."""

    class Front(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            fault = fault_of(self.command)
            if fault == "close":
                self.close_connection = True
                return
            if isinstance(fault, tuple):
                text = f"<Error><Code>{fault[1]}</Code></Error>".encode()
                self.answer(fault[0], [], text if self.command != "HEAD" else b"", str(len(text)))
                return
            there = HTTPConnection(behind.removeprefix("http://"), timeout=20)
            there.request(self.command, self.path, body, dict(self.headers))
            answer = there.getresponse()
            content = answer.read()
            length = answer.getheader("Content-Length") or str(len(content))
            there.close()
            if fault == "cut":
                self.close_connection = True
                content = content[: len(content) // 2]
            headers = [h for h in answer.getheaders() if h[0].lower() not in HOP_BY_HOP]
            self.answer(answer.status, headers, content, length)

        def answer(self, status, headers, content, length) -> None:
            self.send_response_only(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            self.wfile.write(content)

        do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  names of HTTP

        def log_message(self, *args) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def use_store_at(url: str, settings) -> None:
    """Let the store of this test (`in_store`) be asked at another address."""
    default = settings.STORAGES["default"]
    options = {**default["OPTIONS"], "endpoint_url": url}
    settings.STORAGES = {**settings.STORAGES, "default": {**default, "OPTIONS": options}}
