"""What a source holds, where each file's bytes are, and how they are read later by a worker."""

import os
import stat
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.conf import settings
from django.core.files.storage import default_storage

from apps.catalog.models import Import
from apps.catalog.sources.archive import open_archive
from apps.catalog.sources.names import BadNameError, checked_name, is_litter
from apps.common.errors import DomainError, InvalidError

MANIFEST = "manifest.csv"
CAPTIONS = "captions.csv"

# How a worker finds a file again: a kind and its arguments, as JSON keeps them.
Location = list[str]


class UnreadableFileError(ValueError):
    """One file cannot be read; the text is the reason shown to a person."""


class EmptySourceError(InvalidError):
    """There is nothing to import."""

    code = "empty_source"


class UnknownSourceError(InvalidError):
    """It is no folder, zip archive or manifest that can be read."""

    code = "unknown_source"


@dataclass(frozen=True)
class Found:
    """A file of a source: where its bytes are, how many, or why it cannot take part."""

    location: Location
    byte_size: int = 0
    reason: str = ""


Opener = Callable[[], AbstractContextManager[IO[bytes]]]


@dataclass(frozen=True)
class Source:
    """Files by name, in order, and the tables that came with them.

    Attributes:
        label: what the person calls it.
        root: a path that must be there for a worker to read the files; empty for uploads.
        files: by name relative to the source, sorted; litter of operating systems left out.
        find: a file by name; knows also what `files` would list.
        tables: openers of `manifest.csv` and `captions.csv`, where there are any.
        names_of_tables: what error messages call them.
    """

    label: str
    root: str
    files: Callable[[], Mapping[str, Found]]
    find: Callable[[str], Found | None]
    tables: dict[str, Opener] = field(default_factory=dict)
    names_of_tables: dict[str, str] = field(default_factory=dict)


def folder_source(path: Path, *, manifest: Path | None = None) -> Source:
    """A folder on this machine; its own manifest.csv and captions.csv count, if there are any.

    Args:
        path: the folder that names are relative to.
        manifest: a manifest that may lie elsewhere.

    Raises:
        UnknownSourceError: it is no folder.
    """
    root = path.absolute()
    if not root.is_dir():
        raise UnknownSourceError(f"There is no folder {path}.")
    tables: dict[str, Opener] = {}
    names: dict[str, str] = {}
    for name, table in ((MANIFEST, manifest or root / MANIFEST), (CAPTIONS, root / CAPTIONS)):
        if table.is_file():
            tables[name] = _opener(table)
            names[name] = table.name

    def find(name: str) -> Found | None:
        place = root / name
        if not place.is_file():
            return None
        return Found(location=["file", str(place)], byte_size=place.stat().st_size)

    return Source(
        label=str((manifest or root).absolute()),
        root=str(root),
        files=lambda: dict(_walk(root)),
        find=find,
        tables=tables,
        names_of_tables=names,
    )


def _opener(path: Path) -> Opener:
    return lambda: path.open("rb")


def _walk(root: Path) -> Iterator[tuple[str, Found]]:
    found: list[tuple[str, Found]] = []
    for folder, folders, names in os.walk(root):
        inner = Path(folder).relative_to(root)
        for name in folders:
            if Path(folder, name).is_symlink():
                reason = "a link to a folder: links to folders are not followed"
                found.append((_shown((inner / name).as_posix()), Found([], reason=reason)))
        for name in names:
            relative = (inner / name).as_posix()
            if is_litter(relative) or relative in {MANIFEST, CAPTIONS}:
                continue
            try:
                checked_name(relative)
                status = Path(folder, name).stat()
                if not stat.S_ISREG(status.st_mode):
                    raise OSError(0, "not a plain file")
            except BadNameError as error:
                found.append((_shown(relative), Found([], reason=error.sentence)))
            except OSError as error:
                found.append((relative, Found([], reason=error.strerror or "unreadable")))
            else:
                location = ["file", str(Path(folder, name))]
                found.append((relative, Found(location, byte_size=status.st_size)))
    return iter(sorted(found, key=lambda pair: pair[0]))


def _shown(name: str) -> str:
    """A name that the database can keep, whatever bytes it has."""
    return name.encode("utf-8", "backslashreplace").decode().replace("\0", "\\0")[:300]


def zip_source(path: Path) -> Source:
    """A zip archive on this machine, checked as a whole.

    Raises:
        UnknownSourceError: it cannot be opened.
        BadArchiveError: see `open_archive`.
    """
    place = path.absolute()
    try:
        file = place.open("rb")
    except OSError as error:
        raise UnknownSourceError(f"{path} cannot be opened: {error.strerror}.") from error
    with file:
        entries = _entries(file, where=path.name, kind="zip", place=str(place))
    return _listed(label=str(place), root=str(place), entries=entries, where=path.name)


def staged_source(batch: Import) -> Source:
    """All uploads of an import: files, archives, and the tables among them.

    Raises:
        BadArchiveError: see `open_archive`.
        BadNameError: two uploads hold a file of the same name.
    """
    entries: dict[str, Found] = {}
    for staged in batch.staged_files.all():
        if is_litter(staged.file_name):
            continue
        if staged.file_name.lower().endswith(".zip"):
            with default_storage.open(staged.stored, "rb") as file:
                more = _entries(
                    file, where=staged.file_name, kind="stored_zip", place=staged.stored
                )
        else:
            location = ["stored", staged.stored]
            more = {staged.file_name: Found(location, byte_size=staged.byte_size)}
        for name, found in more.items():
            if name in entries:
                raise BadNameError(
                    f"Two uploads hold a file {name!r}.", where=staged.file_name, field="files[]"
                )
            entries[name] = found
    return _listed(label=batch.source, root="", entries=entries, where="upload")


def _entries(file: IO[bytes], *, where: str, kind: str, place: str) -> dict[str, Found]:
    archive = open_archive(
        file,
        where=where,
        max_bytes=settings.IMPORT_MAX_ZIP_BYTES,
        max_entries=settings.IMPORT_MAX_ZIP_ENTRIES,
    )
    return {
        name: Found([kind, place, inner], byte_size=size)
        for name, (inner, size) in archive.entries.items()
    }


def _listed(*, label: str, root: str, entries: dict[str, Found], where: str) -> Source:
    files = dict(sorted(entries.items()))
    tables: dict[str, Opener] = {}
    names: dict[str, str] = {}
    for name in (MANIFEST, CAPTIONS):
        if (found := files.pop(name, None)) is not None:
            tables[name] = _content_opener(found.location)
            names[name] = name if where == "upload" else f"{where}/{name}"
    return Source(
        label=label,
        root=root,
        files=lambda: files,
        find=files.get,
        tables=tables,
        names_of_tables=names,
    )


def _content_opener(location: Location) -> Opener:
    def open_table() -> AbstractContextManager[IO[bytes]]:
        kind, *place = location
        if kind == "stored":
            return default_storage.open(place[0], "rb")
        return _zip_of(kind, place[0]).open(place[1])

    return open_table


def _open(kind: str, place: str) -> IO[bytes]:
    return default_storage.open(place, "rb") if kind == "stored" else Path(place).open("rb")


# A large archive stays open from part to part: reading its directory takes a second.
LARGE_DIRECTORY = 20_000
_open_zip: tuple[tuple[object, ...], zipfile.ZipFile] | None = None


def _zip_of(kind: str, place: str) -> zipfile.ZipFile:
    global _open_zip
    status = os.stat(place) if kind == "zip" else None
    version = (status.st_mtime_ns, status.st_size, status.st_ino) if status else ()
    key = (os.getpid(), kind, place, *version)
    if _open_zip is None or _open_zip[0] != key:
        close_zip()
        _open_zip = (key, zipfile.ZipFile(_open(kind.removesuffix("_zip"), place)))
    return _open_zip[1]


def close_zip(*, keep_large: bool = False) -> None:
    """Close the archive that was read last, if one is open.

    Args:
        keep_large: more of its entries will be read soon; opening a small one again costs little.
    """
    global _open_zip
    if _open_zip is None or (keep_large and len(_open_zip[1].namelist()) >= LARGE_DIRECTORY):
        return
    archive, _open_zip = _open_zip[1], None
    file = archive.fp
    archive.close()
    if file is not None:
        file.close()


def read_content(location: Location, *, max_bytes: int) -> bytes:
    """Read one file, never more than `max_bytes` of it.

    Raises:
        UnreadableFileError: it is gone, may not be read, is damaged in its archive, or larger.
    """
    kind, *place = location
    try:
        plain = kind in {"file", "stored"}
        with _open(kind, place[0]) if plain else _zip_of(kind, place[0]).open(place[1]) as file:
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise UnreadableFileError("the file is gone") from error
    except OSError as error:
        raise UnreadableFileError(error.strerror or "it cannot be read") from error
    except DomainError:  # the store does not answer, which says nothing about the file
        raise
    except Exception as error:  # zipfile, zlib, bz2 and lzma have errors of their own
        raise UnreadableFileError("damaged in its archive") from error
    if len(content) > max_bytes:
        raise UnreadableFileError(f"larger than {max_bytes / 2**20:,.0f} MiB")
    return content
