"""A disk that is full from the n-th write on: file operations of this process, counted."""

import builtins
import errno
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

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
