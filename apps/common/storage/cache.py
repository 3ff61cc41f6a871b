"""Copies of an object store's files on this machine's disk, up to a size, by their SHA-256.

    <folder>/<first two digits>/<sha256>       a whole copy; never written again
    <folder>/<first two digits>/.part-<sha256> a copy that is being fetched
    <folder>/passing/.part-...                 copies for which there is no room; gone after use
    <folder>/lock                              held while room is made

Any number of processes share it and may be killed at any moment. Locks are the kernel's (`flock`),
so that a killed process lets go of its own: whoever uses a copy holds a shared lock on it, whoever
fetches one an exclusive lock on its part, and only what nobody holds is removed.
"""

import errno
import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from apps.common.storage import verified
from apps.common.storage.errors import DamagedFileError
from apps.common.storage.local import sha256_of, sweep_leftovers

Opened = tuple[int, AbstractContextManager[Iterator[bytes]]]  # size and content of an object


class Cache:
    """A folder of verified copies.

    Args:
        folder: on a local disk; made when it is needed.
        limit: bytes of all copies together. When it does not allow a copy (the file is larger, or
            all room is in use), the copy is one that goes after use.
    """

    def __init__(self, folder: Path, *, limit: int) -> None:
        self.folder = folder
        self.limit = limit

    @contextmanager
    def held(self, *, name: str, sha256: str, blocks: Callable[[], Opened]) -> Iterator[Path]:
        """A copy of a file, fetched when it is not here; it stays until the block ends.

        Args:
            name: for messages.
            sha256: of the content, hexadecimal.
            blocks: opens the file in its store: its size and its bytes.

        Raises:
            DamagedFileError: the bytes that the store gives have another checksum.
        """
        path = self.folder / sha256[:2] / sha256
        while True:
            if (file := self._hold(path, sha256)) is not None:
                with file:
                    yield path
                return
            if not self._fetch(path, name=name, sha256=sha256, blocks=blocks):
                break
        with self._passing(name=name, sha256=sha256, blocks=blocks) as path:
            yield path

    def _hold(self, path: Path, sha256: str) -> BinaryIO | None:
        """Open a copy under a shared lock, compared with its checksum once in this process."""
        try:
            file = path.open("rb")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_SH)
            status = os.fstat(file.fileno())
            if not _is_at(path, status):  # it was removed before the lock
                file.close()
                return None
            if not verified.is_verified(str(path), sha256=sha256, status=status):
                if sha256_of(file) != sha256:
                    path.unlink(missing_ok=True)
                    file.close()
                    return None
                verified.remember(str(path), sha256=sha256, status=status)
            # The time of last use, whatever the file system is mounted with.
            os.utime(file.fileno(), ns=(time.time_ns(), status.st_mtime_ns))
        except BaseException:
            file.close()
            raise
        return file

    def _fetch(self, path: Path, *, name: str, sha256: str, blocks: Callable[[], Opened]) -> bool:
        """Fetch a copy, or wait for whoever is fetching it; False when there is no room."""
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".part-{sha256}")
        descriptor = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            if not _is_at(part, os.fstat(file.fileno())):
                return True  # somebody else has just finished, or given up: look again
            try:
                if path.exists():
                    part.unlink()
                    return True
                size, content = blocks()
                with content as some:
                    if not self._make_room(file, size):
                        part.unlink()
                        return False
                    _write(file, some, name=name, sha256=sha256)
                os.fchmod(file.fileno(), 0o440)
                os.replace(part, path)
            except BaseException:
                part.unlink(missing_ok=True)
                raise
            verified.remember(
                str(path), sha256=sha256, status=os.fstat(file.fileno()), whatever_age=True
            )
        return True

    def _make_room(self, file: BinaryIO, size: int) -> bool:
        """Reserve `size` bytes for a part, removing the copies that were longest not used."""
        if size > self.limit:
            return False
        with self._alone():
            sweep_leftovers(self.folder)
            copies = []
            used = size
            for path in self.folder.glob("??/*"):
                with suppress(FileNotFoundError):
                    status = path.stat()
                    used += status.st_size
                    if not path.name.startswith(".part-"):
                        copies.append((status.st_atime_ns, path.name, path, status.st_size))
            for _, _, path, freed in sorted(copies):
                if used <= self.limit:
                    break
                if _removed(path):
                    used -= freed
            if used > self.limit:
                return False
            if size:
                _reserve(file, size)
        return True

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with (self.folder / "lock").open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # closing the file lets go
            yield

    @contextmanager
    def _passing(self, *, name: str, sha256: str, blocks: Callable[[], Opened]) -> Iterator[Path]:
        """A copy outside the limit, which goes when the block ends."""
        with tempfile.NamedTemporaryFile(dir=passing_folder(self.folder), prefix=".part-") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _, content = blocks()
            with content as some:
                _write(file, some, name=name, sha256=sha256)
            yield Path(file.name)


def _is_at(path: Path, status: os.stat_result) -> bool:
    """Whether the open file with this status still has this name."""
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, status)


def _write(file: IO[bytes], blocks: Iterator[bytes], *, name: str, sha256: str) -> None:
    digest = hashlib.sha256()
    size = 0
    for block in blocks:
        digest.update(block)
        size += len(block)
        file.write(block)
    file.truncate(size)
    file.flush()
    os.fsync(file.fileno())
    if digest.hexdigest() != sha256:
        raise DamagedFileError(f"The file {name} differs from its checksum.")


def _reserve(file: BinaryIO, size: int) -> None:
    """Say at once when the disk is full, and count for the next who asks for room."""
    try:
        os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EINVAL}:
            raise
        os.ftruncate(file.fileno(), size)  # this file system cannot reserve


def _removed(path: Path) -> bool:
    """Remove a copy unless somebody uses it."""
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink(missing_ok=True)
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False
    return True


def passing_folder(folder: Path) -> Path:
    """Where files are that pass through: on a disk, since /tmp may be memory."""
    place = folder / "passing"
    place.mkdir(parents=True, exist_ok=True)
    return place
