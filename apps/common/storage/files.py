"""Stored files by name, wherever they are kept."""

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

from django.conf import settings
from django.core.files.storage import FileSystemStorage, default_storage

from apps.common.errors import DomainError
from apps.common.storage import verified
from apps.common.storage.cache import Cache, Opened, passing_folder
from apps.common.storage.errors import DamagedFileError
from apps.common.storage.local import BLOCK, published, sha256_of

if TYPE_CHECKING:
    from apps.common.storage.objects import ObjectStorage  # boto3, only where it is needed

logger = logging.getLogger(__name__)

IN_MEMORY = 8 * 2**20  # larger objects pass through a file
SIDE_BY_SIDE = 4  # files that are fetched or hashed at once


def object_store() -> "ObjectStorage | None":
    """The object store that keeps the files, or None where this machine's disk does."""
    if isinstance(default_storage, FileSystemStorage):
        return None
    return cast("ObjectStorage", default_storage)


def local_path(name: str) -> Path | None:
    """Where the storage keeps a file on this machine's disk, or None in an object store."""
    return Path(default_storage.path(name)) if object_store() is None else None


def publish(name: str, content: IO[bytes]) -> str:
    """Store `content` under `name`, replacing what was there, and return its SHA-256.

    Raises:
        OSError: the disk is full or cannot be written.
        StoreFullError, StoreRefusedError, StoreUnavailableError: the object store says so.
    """
    digest = sha256_of(content)
    content.seek(0)
    if (store := object_store()) is not None:
        store.put(name, content, sha256=digest)
        return digest
    with published(Path(default_storage.path(name))) as file:
        while block := content.read(BLOCK):
            file.write(block)
    return digest


@contextmanager
def checked(name: str, *, sha256: str) -> Iterator[IO[bytes]]:
    """Open a stored file after comparing all of it with the checksum in its row.

    Raises:
        DamagedFileError: it is missing, or a byte differs.
        StoreRefusedError, StoreUnavailableError: the object store says so.
    """
    with _opened(name) as file:
        if sha256_of(file) != sha256:
            raise _differs(name)
        file.seek(0)
        yield file


@contextmanager
def _opened(name: str) -> Iterator[IO[bytes]]:
    if (store := object_store()) is None:
        try:
            file = default_storage.open(name, "rb")
        except FileNotFoundError as error:
            raise _missing(name) from error
        with file:
            yield cast("IO[bytes]", file)
        return
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=str(passing_folder(settings.CACHE))) as copy:
        _, content = _blocks_of(store, name)
        with content as blocks:
            for block in blocks:
                copy.write(block)
        copy.seek(0)
        yield copy


def _blocks_of(store: "ObjectStorage", name: str) -> Opened:
    try:
        return store.blocks(name)
    except FileNotFoundError as error:
        raise _missing(name) from error


def read_soon(name: str) -> bytes:
    """All of a small file for a page, unchecked; an object store is asked once and briefly.

    Raises:
        FileNotFoundError: there is none.
        StoreError: the object store says so, or does not answer within seconds.
    """
    if (store := object_store()) is not None:
        return store.read_soon(name)
    with default_storage.open(name, "rb") as file:
        return cast("bytes", file.read())


def compare(name: str, *, sha256: str) -> None:
    """Read all of a stored file and compare it with a checksum, whatever was known before.

    Raises:
        as `checked`.
    """
    if (store := object_store()) is None:
        with checked(name, sha256=sha256):
            return
    digest = hashlib.sha256()
    _, content = _blocks_of(store, name)
    with content as blocks:
        for block in blocks:
            digest.update(block)
    if digest.hexdigest() != sha256:
        raise _differs(name)


@contextmanager
def local_copy(name: str, *, sha256: str) -> Iterator[Path]:
    """A stored file as one of this machine's disk, to be mapped and never written.

    A process compares it with the checksum when it uses it for the first time, see
    `apps.common.storage.verified`. From an object store it comes through the local cache, whose
    copy stays at least until the block ends.

    Raises:
        as `checked`; OSError: the disk of the cache is full.
    """
    if (store := object_store()) is not None:
        cache = Cache(settings.CACHE, limit=settings.CACHE_SIZE)
        with cache.held(name=name, sha256=sha256, blocks=lambda: _blocks_of(store, name)) as copy:
            yield copy
        return
    path = Path(default_storage.path(name))
    try:
        file = path.open("rb")
    except FileNotFoundError as error:
        raise _missing(name) from error
    with file:
        status = os.fstat(file.fileno())
        if not verified.is_verified(str(path), sha256=sha256, status=status):
            if sha256_of(file) != sha256:
                raise _differs(name)
            verified.remember(str(path), sha256=sha256, status=status)
    yield path


@contextmanager
def local_copies(files: Sequence[tuple[str, str]]) -> Iterator[list[Path]]:
    """Several files (name, SHA-256) as `local_copy` gives them, fetched or hashed side by side.

    Raises:
        as `local_copy`, once all that were begun have ended.
    """
    with ExitStack() as stack:
        copies = [local_copy(name, sha256=sha256) for name, sha256 in files]
        with ThreadPoolExecutor(max_workers=min(SIDE_BY_SIDE, len(files) or 1)) as threads:
            opening = [threads.submit(copy.__enter__) for copy in copies]
        for copy, opened in zip(copies, opening, strict=True):
            if opened.exception() is None:
                stack.push(copy)
        yield [opened.result() for opened in opening]


def stored_size(name: str) -> int | None:
    """Bytes of a stored file, or None when there is none."""
    try:
        return default_storage.size(name)
    except FileNotFoundError:
        return None


def _missing(name: str) -> DamagedFileError:
    return DamagedFileError(f"The file {name} is missing from the storage.")


def _differs(name: str) -> DamagedFileError:
    return DamagedFileError(f"The file {name} differs from its checksum.")


def discard(names: Iterable[str]) -> None:
    """Delete files that no row names any more; what cannot be deleted now is left and logged."""
    for name in names:
        try:
            default_storage.delete(name)
        except (DomainError, OSError) as error:
            logger.warning("%s is left in the storage, where nobody needs it: %s", name, error)


def discard_folder(folder: str) -> None:
    """Delete all files of a folder and below; see `discard`."""
    if (path := local_path(folder)) is None:
        discard(list(stored_names(folder)))
    else:
        shutil.rmtree(path, ignore_errors=True)


def stored_names(folder: str = "") -> Iterator[str]:
    """Names of all stored files in a folder and below, without those that are being written."""
    if (store := object_store()) is not None:
        yield from store.names(folder)
        return
    try:
        folders, names = default_storage.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        if not name.startswith(".part-"):
            yield f"{folder}/{name}".lstrip("/")
    for name in folders:
        yield from stored_names(f"{folder}/{name}".lstrip("/"))
