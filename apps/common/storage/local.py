"""Files of this machine: written whole or not at all."""

import fcntl
import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO

BLOCK = 2**20


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
