"""Uploads from the browser: they wait in the storage until their import is started."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from django.conf import settings
from django.db import transaction

from apps.catalog.models import Collection, Import, StagedFile
from apps.catalog.sources import checked_name
from apps.common.errors import ConflictError, InvalidError, UnavailableError
from apps.common.storage import discard, object_store, publish
from apps.jobs.health import free_bytes


@dataclass(frozen=True)
class Upload:
    """One file that was sent: its name relative to the chosen folder, with `/`."""

    name: str
    content: IO[bytes]
    byte_size: int


class StartedError(ConflictError):
    """The import was started: nothing can be added to it any more."""

    code = "import_started"


class NoSpaceError(UnavailableError):
    """There is not enough room on the disk."""

    code = "no_space"


def check_space(*, needed: int) -> None:
    """Refuse work that would eat into the reserve of free space.

    An object store does not say how much is free: it refuses a file when it is full.

    Raises:
        NoSpaceError: saying how much is free and how much is needed.
    """
    if object_store() is not None:
        return
    free = free_bytes(Path(settings.DATA)) - settings.DISK_RESERVE
    if needed > free:
        raise NoSpaceError(
            f"Not enough space: {needed / 2**20:,.0f} MiB are needed, "
            f"{max(free, 0) / 2**20:,.0f} MiB are free for use."
        )


def open_upload(*, collection: Collection, created_at: datetime) -> Import:
    """Begin an import whose files come from the browser."""
    return Import.objects.create(
        collection=collection, source="upload", staged=True, created_at=created_at
    )


def stage_files(*, batch: Import, files: Sequence[Upload]) -> None:
    """Keep uploaded files until the import is started; the same name again replaces its file.

    Args:
        batch: from `open_upload`, not started yet.
        files: what was sent.

    Raises:
        StartedError: the import was started.
        InvalidError: a name is absolute, leads out of the folder, or came twice in this call.
        NoSpaceError: the disk is nearly full.
    """
    names: set[str] = set()
    for file in files:
        checked_name(file.name)
        if file.name in names:
            raise InvalidError(f"Two files are called {file.name}.", field="paths")
        names.add(file.name)
    check_space(needed=sum(file.byte_size for file in files))
    _refuse_started(batch)
    stored: list[str] = []
    try:
        for file in files:
            stored.append(f"staging/{batch.pk}/{uuid.uuid4().hex}")
            publish(stored[-1], file.content)
        with transaction.atomic():
            _refuse_started(Import.objects.select_for_update().get(pk=batch.pk))
            earlier = batch.staged_files.filter(file_name__in=[file.name for file in files])
            replaced = list(earlier.values_list("stored", flat=True))
            earlier.delete()
            StagedFile.objects.bulk_create(
                StagedFile(batch=batch, file_name=file.name, stored=place, byte_size=file.byte_size)
                for file, place in zip(files, stored, strict=True)
            )
    except BaseException:
        discard(stored)
        raise
    discard(replaced)


def _refuse_started(batch: Import) -> None:
    if batch.job_id is not None or not batch.staged:
        raise StartedError("This import was started; open another one for more files.")
