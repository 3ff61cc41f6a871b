"""Files that appear under their final name only when they are whole.

Local storage publishes by temporary name, fsync and rename; an object store publishes a whole
object by itself. Readers open only what a database row names and check its SHA-256.
"""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

from django.core.files import File
from django.core.files.storage import default_storage

from apps.common.errors import ConflictError

BLOCK = 2**20


class DamagedFileError(ConflictError):
    """A stored file is missing or is not what its row says."""

    code = "damaged_file"


def sha256_of(file: IO[bytes]) -> str:
    """Hexadecimal SHA-256 of all that is left to read."""
    digest = hashlib.sha256()
    while block := file.read(BLOCK):
        digest.update(block)
    return digest.hexdigest()


@contextmanager
def published(path: Path, *, mode: int = 0o640) -> Iterator[BinaryIO]:
    """Write a local file; it gets its name when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            # Held until the file has its name: `sweep_leftovers` takes only what nobody holds.
            fcntl.flock(file, fcntl.LOCK_EX)
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, mode)
            os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def local_path(name: str) -> Path | None:
    """Where the storage keeps a file on this machine's disk, or None in an object store."""
    try:
        return Path(default_storage.path(name))
    except NotImplementedError:
        return None


def publish(name: str, content: IO[bytes]) -> str:
    """Store `content` under `name`, replacing what was there, and return its SHA-256."""
    digest = sha256_of(content)
    content.seek(0)
    if (path := local_path(name)) is not None:
        with published(path) as file:
            while block := content.read(BLOCK):
                file.write(block)
    else:
        if default_storage.exists(name):
            default_storage.delete(name)
        default_storage.save(name, File(content))
    return digest


@contextmanager
def checked(name: str, *, sha256: str) -> Iterator[IO[bytes]]:
    """Open a stored file after comparing all of it with the checksum in its row.

    Raises:
        DamagedFileError: it is missing, or a byte differs.
    """
    try:
        file = default_storage.open(name, "rb")
    except FileNotFoundError as error:
        raise DamagedFileError(f"The file {name} is missing from the storage.") from error
    with file:
        if sha256_of(file) != sha256:
            raise DamagedFileError(f"The file {name} differs from its checksum.")
        file.seek(0)
        yield file


def sweep_leftovers(folder: Path) -> int:
    """Remove the temporary files of writers that were killed; return how many.

    A file whose writer is still at work, in this process or another, is left alone.
    """
    removed = 0
    for path in folder.rglob(".part-*"):
        with suppress(OSError), path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Made a moment ago and still empty: its writer is about to lock it.
            found = os.fstat(file.fileno())
            if found.st_size or time.time() - found.st_mtime > 60:
                path.unlink()
                removed += 1
    return removed
