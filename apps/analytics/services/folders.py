"""A folder of files that appears whole or not at all, with a checksum of each file."""

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from apps.common.errors import ConflictError, InvalidError


class FolderNotEmptyError(ConflictError):
    """There are files where the folder is to be written."""

    code = "folder_not_empty"


class FolderWriter:
    """Writes files below one folder, each once, and remembers their SHA-256."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sha256: dict[str, str] = {}

    def write(self, name: str, blocks: Iterable[bytes]) -> None:
        """Write one file; memory is bounded by the largest block."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with path.open("xb") as file:
            for block in blocks:
                digest.update(block)
                file.write(block)
            file.flush()
            os.fsync(file.fileno())
        self.sha256[name] = digest.hexdigest()

    def write_lines(self, name: str, lines: Iterable[str]) -> None:
        """Write text, given line by line, as UTF-8."""
        self.write(name, _blocks(lines))


def _blocks(lines: Iterable[str], size: int = 2_000) -> Iterator[bytes]:
    held: list[str] = []
    for line in lines:
        held.append(line)
        if len(held) >= size:
            yield "".join(held).encode()
            held.clear()
    yield "".join(held).encode()


@contextmanager
def new_folder(folder: Path) -> Iterator[FolderWriter]:
    """Write into a temporary folder beside `folder`, which gets its name when all is written.

    Raises:
        FolderNotEmptyError: `folder` exists and holds something.
        InvalidError: it is a file, or its parent cannot be written to.
    """
    folder = folder.absolute()
    if folder.exists() and not folder.is_dir():
        raise InvalidError(f"{folder} is a file; name a folder.", field="out")
    if folder.is_dir() and any(folder.iterdir()):
        raise FolderNotEmptyError(f"The folder {folder} is not empty.", field="out")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".part-"))
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:  # the folder is a good one
            raise
        raise InvalidError(f"{folder.parent}: {error.strerror}.", field="out") from error
    try:
        temporary.chmod(0o755)
        yield FolderWriter(temporary)
        if folder.is_dir():
            folder.rmdir()
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
