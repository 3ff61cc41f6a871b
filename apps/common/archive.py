"""A backup: the database and every stored file in one tar, whole or not at all.

    manifest.json        format, time, kind of database, and size and SHA-256 of every other member
    database.sqlite3     SQLite's online backup, or database.dump of pg_dump
    files/<name>         every stored file
    checksum             SHA-256 of all bytes before this member

The checksum covers headers and padding too: no byte of a backup can change unnoticed.
"""

import hashlib
import io
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import IO, Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import default_storage

from apps.common.errors import ConflictError, InvalidError, UnavailableError
from apps.common.storage import BLOCK, local_path, object_store, publish, published, stored_names

FORMAT = 1
DATABASES = {"sqlite3": "database.sqlite3", "postgresql": "database.dump"}


class DamagedBackupError(InvalidError):
    """A backup that was cut off or changed, or something else altogether."""

    code = "damaged_backup"


class TargetNotEmptyError(ConflictError):
    """A restore never overwrites."""

    code = "target_not_empty"


class ProgramMissingError(UnavailableError):
    """pg_dump or pg_restore is not installed, or refused."""

    code = "program_missing"


# --- backup -------------------------------------------------------------------------------------
def write_backup(*, path: Path, created_at: datetime) -> int:
    """Write a backup while the program may go on working; return the number of stored files.

    The database comes first: a file that one of its rows names was published before the row, so it
    is there when its turn comes, and a file published later does no harm.
    """
    with tempfile.TemporaryDirectory(prefix="likeness-backup-") as folder:
        database = Path(folder) / DATABASES[_kind()]
        _dump_database(database)
        with published(path, mode=0o600) as target:
            return _write_archive(target, database, created_at)


def _write_archive(target: IO[bytes], database: Path, created_at: datetime) -> int:
    hashed = _HashingWriter(target)
    members: dict[str, dict[str, Any]] = {}
    with tarfile.open(fileobj=hashed, mode="w:", format=tarfile.PAX_FORMAT) as archive:
        with database.open("rb") as file:
            members[database.name] = _add(archive, database.name, file, os.stat(database).st_size)
        for name in sorted(stored_names()):
            try:
                with default_storage.open(name, "rb") as file:
                    size = default_storage.size(name)
                    members[f"files/{name}"] = _add(archive, f"files/{name}", file, size)
            except FileNotFoundError:
                continue  # deleted since it was listed: no row of the backup names it
        manifest = {
            "format": FORMAT,
            "created_at": created_at.isoformat(),
            "database": database.name,
            "members": members,
        }
        content = json.dumps(manifest, indent=1, sort_keys=True).encode()
        _add(archive, "manifest.json", io.BytesIO(content), len(content))
        checksum = hashed.hexdigest().encode()
        _add(archive, "checksum", io.BytesIO(checksum), len(checksum))
    return len(members) - 1


class _HashingWriter(io.BufferedIOBase):
    """Hashes all that is written, without a buffer of its own."""

    def __init__(self, target: IO[bytes]) -> None:
        self._target = target
        self._digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self._digest.update(data)
        return self._target.write(data)

    def tell(self) -> int:
        return self._target.tell()

    def hexdigest(self) -> str:
        return self._digest.hexdigest()


def _add(
    archive: tarfile.TarFile, name: str, file: "IO[bytes] | File[bytes]", size: int
) -> dict[str, Any]:
    """Add one member; exactly `size` bytes are read, and hashed as they are written."""
    digest = hashlib.sha256()

    class Hashed:
        def read(self, count: int = -1) -> bytes:
            block: bytes = file.read(count)
            digest.update(block)
            return block

    info = tarfile.TarInfo(name)
    info.size = size
    archive.addfile(info, Hashed())
    return {"size": size, "sha256": digest.hexdigest()}


def _kind() -> str:
    return str(settings.DATABASES["default"]["ENGINE"].rpartition(".")[2])


def _dump_database(path: Path) -> None:
    if _kind() == "sqlite3":
        source = Path(settings.DATABASES["default"]["NAME"])
        if not source.is_file():
            raise InvalidError(f"There is no database at {source}; nothing to back up.")
        # Opened by itself, so that the copy is of what is committed at this moment.
        live = sqlite3.connect(f"file:{source}?mode=ro", uri=True, timeout=20)
        copy = sqlite3.connect(path)
        try:
            live.backup(copy)
            copy.execute("PRAGMA journal_mode=DELETE")  # one file, nothing beside it
        finally:
            copy.close()
            live.close()
        return
    _postgres("pg_dump", "--format=custom", "--no-owner", "--no-privileges", "--file", str(path))


def _postgres(program: str, *words: str) -> None:
    """Run a program of PostgreSQL on our database; the password goes by the environment."""
    database = settings.DATABASES["default"]
    environment = {
        **os.environ,
        "PGHOST": database["HOST"],
        "PGPORT": database["PORT"] or "5432",
        "PGUSER": database["USER"],
        "PGPASSWORD": database["PASSWORD"],
        "PGDATABASE": database["NAME"],
        "PGCONNECT_TIMEOUT": "5",
    }
    if (found := shutil.which(program)) is None:
        raise ProgramMissingError(
            f"{program} is not on this machine; on Debian: apt-get install postgresql-client"
        )
    done = subprocess.run(  # noqa: S603  a fixed program and words of our own
        [found, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise ProgramMissingError(f"{program} refused: {last}")


# --- restore ------------------------------------------------------------------------------------
def read_backup(*, path: Path) -> dict[str, Any]:
    """Restore into an empty place; return the manifest. Nothing is kept when anything is wrong.

    Raises:
        TargetNotEmptyError: there is a database, a file of SQLite's journal, or a stored file.
        DamagedBackupError: a byte differs, or it is another kind of file or database.
    """
    _refuse_what_is_there()
    if not path.is_file():
        raise InvalidError("there is no such file.", field="file", where=str(path))
    settings.DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.DATA) as folder:
        staging = Path(folder)
        try:
            manifest = _unpack(path, staging)
        except (tarfile.TarError, EOFError, ValueError, KeyError, TypeError) as error:
            raise DamagedBackupError(
                "it is cut off, or no backup of Likeness.", where=path.name
            ) from error
        wanted = DATABASES[_kind()]
        if manifest["database"] != wanted:
            kinds = {"database.sqlite3": "SQLite", "database.dump": "PostgreSQL"}
            raise DamagedBackupError(
                f"it holds a {kinds[manifest['database']]} database; set DATABASE_URL accordingly.",
                where=path.name,
            )
        _put_in_place(staging, manifest)
    return manifest


def _refuse_what_is_there() -> None:
    if _kind() == "sqlite3":
        name = str(settings.DATABASES["default"]["NAME"])
        for suffix, what in (("", "a database"), ("-wal", "a journal"), ("-shm", "a journal")):
            if Path(name + suffix).exists():
                raise TargetNotEmptyError(
                    f"There is {what} already ({name}{suffix}). Restore into an empty place: set "
                    "LIKENESS_DATA to a new folder, or move the old one away."
                )
    else:
        from django.db import connection

        if connection.introspection.table_names():
            raise TargetNotEmptyError(
                "The database has tables already. Restore into an empty one: create it and name it "
                "in DATABASE_URL."
            )
    if (stored := next(stored_names(), None)) is not None:
        place = (
            "LIKENESS_DATA to a new folder" if object_store() is None else "another LIKENESS_STORE"
        )
        raise TargetNotEmptyError(
            f"There are stored files already ({stored}, for one). Restore into an empty place: set "
            f"{place}, or move the old one away."
        )


def _unpack(path: Path, staging: Path) -> dict[str, Any]:
    """Unpack and compare everything: the bytes as a whole, then every member with the manifest."""
    found: dict[str, dict[str, Any]] = {}
    checksum, checksum_at = b"", -1
    manifest: dict[str, Any] | None = None
    with tarfile.open(path, mode="r:") as archive:
        for member in archive:
            if not member.isreg() or not _is_plain(member.name):
                raise DamagedBackupError(
                    f"it holds {member.name!r}, which no backup does.", where=path.name
                )
            source = archive.extractfile(member)
            assert source is not None  # noqa: S101  a regular file has content
            if member.name == "manifest.json":
                manifest = json.loads(source.read())
            elif member.name == "checksum":
                checksum, checksum_at = source.read(200), member.offset
            else:
                found[member.name] = _unpack_one(source, staging / member.name)
    if manifest is None or checksum_at < 0:
        raise DamagedBackupError("it is cut off: its last part is missing.", where=path.name)
    if manifest["format"] != FORMAT:
        raise DamagedBackupError(
            f"it has format {manifest['format']}, this program reads {FORMAT}.", where=path.name
        )
    # Members first: they can be named.
    for name in sorted(found.keys() | manifest["members"].keys()):
        if found.get(name) != manifest["members"].get(name):
            raise DamagedBackupError(
                f"{name} is missing or differs from its checksum.", where=path.name
            )
    with path.open("rb") as file:
        if _sha256_of_first(file, checksum_at) != checksum.decode("ascii", "replace"):
            raise DamagedBackupError("a byte differs from its checksum.", where=path.name)
        file.seek(checksum_at + tarfile.BLOCKSIZE + len(checksum))
        if any(file.read()):
            raise DamagedBackupError("there are bytes after its end.", where=path.name)
    return manifest


def _is_plain(name: str) -> bool:
    parts = PurePosixPath(name).parts
    known = name in {"manifest.json", "checksum", *DATABASES.values()} or parts[:1] == ("files",)
    return known and not name.startswith("/") and ".." not in parts and "\\" not in name


def _unpack_one(source: IO[bytes], path: Path) -> dict[str, Any]:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest, size = hashlib.sha256(), 0
    with path.open("xb") as file:
        while block := source.read(BLOCK):
            digest.update(block)
            size += len(block)
            file.write(block)
        file.flush()
        os.fsync(file.fileno())
    return {"size": size, "sha256": digest.hexdigest()}


def _sha256_of_first(file: IO[bytes], count: int) -> str:
    digest = hashlib.sha256()
    while count > 0 and (block := file.read(min(BLOCK, count))):
        digest.update(block)
        count -= len(block)
    return digest.hexdigest()


def _put_in_place(staging: Path, manifest: dict[str, Any]) -> None:
    """Files first, the database last: it makes the restore count."""
    placed: list[str] = []
    try:
        for member in manifest["members"]:
            if member.startswith("files/"):
                name = member.removeprefix("files/")
                _place_file(staging / member, name)
                placed.append(name)
        database = staging / manifest["database"]
        if _kind() == "sqlite3":
            target = Path(settings.DATABASES["default"]["NAME"])
            target.parent.mkdir(parents=True, exist_ok=True)
            os.chmod(database, 0o600)
            os.replace(database, target)
        else:
            _postgres(
                "pg_restore",
                *("--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction"),
                *("--dbname", settings.DATABASES["default"]["NAME"], str(database)),
            )
    except BaseException:
        for name in placed:
            default_storage.delete(name)
        raise


def _place_file(source: Path, name: str) -> None:
    target = local_path(name)
    if target is None:
        with source.open("rb") as file:
            publish(name, file)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    os.chmod(source, 0o640)
    os.replace(source, target)
