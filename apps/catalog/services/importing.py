"""Imports: everything is checked before anything is written, then a job does the work.

Stage 0 decodes and stores the files, some 64 a part, in any order. Stage 1 makes the images, in
the order of the source, so that ordinals do not depend on who was how fast or was killed.
"""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from django.conf import settings
from django.db import transaction
from django.db.models import Max, OuterRef, Subquery

from apps.catalog import selectors
from apps.catalog.imaging import UnreadableImageError
from apps.catalog.models import Caption, Collection, Image, Import, ImportedFile
from apps.catalog.services.images import Keeper, decode
from apps.catalog.services.uploads import StartedError, check_space
from apps.catalog.sources import (
    BadTableError,
    Captions,
    Source,
    UnreadableFileError,
    read_captions,
    read_content,
    read_manifest,
    staged_source,
)
from apps.catalog.sources.contents import CAPTIONS, MANIFEST, EmptySourceError, Found, close_zip
from apps.common.errors import ConflictError
from apps.common.storage import discard
from apps.jobs.models import UNFINISHED, Job, JobPart, State
from apps.jobs.registry import Progress
from apps.jobs.services import PartSpec, retry_job, start_job

KIND = "import_images"
FILES_PER_PART = 64
BYTES_PER_PART = 64 * 2**20  # a part of large files must not outlast a worker's time limit
IMAGES_PER_TRANSACTION = 5_000
REPORT_EVERY = 8

Outcome = ImportedFile.Outcome


class ImportUnderWayError(ConflictError):
    """Another import into this collection has not ended."""

    code = "import_under_way"


class SourceGoneError(ConflictError):
    """The worker does not see the folder or archive that is to be imported."""

    code = "source_gone"


class Entry(NamedTuple):
    """A file that is to become an image, as the source names it."""

    file_name: str
    image_id: str
    line: int | None
    metadata: dict[str, str]
    found: Found


def request_import(
    *,
    collection: Collection,
    source: Source,
    created_at: datetime,
    captions: Captions | None = None,
    requested_by_id: int | None = None,
) -> Import:
    """Begin to import a source, or go on with the import of it that was stopped.

    Args:
        collection: where the images go, after those that are there.
        source: checked as a whole, see `apps.catalog.sources`.
        created_at: when.
        captions: instead of the source's own captions.csv.
        requested_by_id: who asked, if it was a person.

    Returns:
        The import with its job.

    Raises:
        ImportUnderWayError: another import into this collection has not ended.
        EmptySourceError: there is no file in it.
        BadTableError: a manifest or captions file is wrong; nothing was written.
        NoSpaceError: the disk has no room for it.
    """
    last = collection.imports.select_related("job").filter(job__isnull=False).first()
    if last is not None and last.job is not None and last.job.state != State.DONE:
        if last.source == source.label and not last.staged:
            if last.job.state not in UNFINISHED:
                retry_job(job=last.job, now=created_at)
            return Import.objects.select_related("job").get(pk=last.pk)
        _refuse_while_running(last)
    return _begin(
        batch=Import(collection=collection, source=source.label, created_at=created_at),
        source=source,
        captions=captions,
        requested_by_id=requested_by_id,
    )


def start_upload(
    *, batch: Import, started_at: datetime, requested_by_id: int | None = None
) -> Import:
    """Begin to import what was uploaded.

    Raises:
        StartedError: it was started before.
        and see `request_import`.
    """
    if batch.job_id is not None:
        raise StartedError("This import was started already.")
    others = batch.collection.imports.select_related("job").filter(job__isnull=False)
    if (last := others.first()) is not None:
        _refuse_while_running(last)
    batch.created_at = started_at
    return _begin(
        batch=batch, source=staged_source(batch), captions=None, requested_by_id=requested_by_id
    )


def _refuse_while_running(last: Import) -> None:
    if last.job is not None and last.job.state in UNFINISHED:
        raise ImportUnderWayError(
            f"An import into {last.collection.slug} is under way (from {last.source}): "
            "wait for it, or cancel its job."
        )


def _begin(
    *, batch: Import, source: Source, captions: Captions | None, requested_by_id: int | None
) -> Import:
    try:
        if captions is None and (opener := source.tables.get(CAPTIONS)) is not None:
            with opener() as file:
                captions = read_captions(file, where=source.names_of_tables[CAPTIONS])
        return _begin_checked(batch, source, captions, requested_by_id)
    finally:
        close_zip()


def _begin_checked(
    batch: Import, source: Source, captions: Captions | None, requested_by_id: int | None
) -> Import:
    sizes = _check_entries(source, captions=captions, collection=batch.collection)
    if not sizes:
        raise EmptySourceError(f"There is no file in {source.label}.")
    check_space(needed=sum(sizes))
    with transaction.atomic():
        batch.save()
        rows = _rows(batch, source, captions)
        while chunk := list(islice(rows, 1000)):
            ImportedFile.objects.bulk_create(chunk)
        if captions is not None:
            _caption_images_that_are_here(batch, captions)
        job = start_job(
            kind=KIND,
            target=f"collection:{batch.collection.slug}",
            title=f"Import into {batch.collection.name}",
            unit="files",
            params={"import_id": batch.pk, "root": source.root},
            parts=_parts(sizes),
            created_at=batch.created_at,
            requested_by_id=requested_by_id,
        )
        if job.params["import_id"] != batch.pk:  # somebody else began one in the same moment
            raise ImportUnderWayError(
                f"Another import into {batch.collection.slug} is under way: wait for it."
            )
        batch.job = job
        batch.save(update_fields=["job"])
    return batch


def _parts(sizes: list[int]) -> Iterator[PartSpec]:
    """Cut files into parts of at most `FILES_PER_PART` files and about `BYTES_PER_PART` bytes."""
    first, size = 0, 0
    for position, more in enumerate([*sizes, 0]):
        ended = position == len(sizes)
        full = position - first == FILES_PER_PART or size + more > BYTES_PER_PART
        if position > first and (ended or full):
            yield PartSpec(
                key=f"files {first + 1} to {position}",
                params={"first": first, "last": position - 1},
                total=position - first,
            )
            first, size = position, 0
        size += more
    yield PartSpec(key="order", total=0, stage=1)


def _entries(source: Source) -> Iterator[Entry]:
    """The files of a source in their order: the manifest's, or else sorted by name.

    Raises:
        BadTableError: the manifest is wrong, or names a file that is not there.
    """
    opener = source.tables.get(MANIFEST)
    if opener is None:
        for name, found in source.files().items():
            yield Entry(name, name, None, {}, found)
        return
    where = source.names_of_tables[MANIFEST]
    with opener() as file:
        for row in read_manifest(file, where=where):
            found_or_none = source.find(row.file_name)
            if found_or_none is None:
                raise BadTableError(
                    f"There is no file {row.file_name!r} in {source.root or source.label}.",
                    where=f"{where}:{row.line}",
                    field="file_name",
                )
            yield Entry(row.file_name, row.image_id, row.line, row.metadata, found_or_none)


def _check_entries(
    source: Source, *, captions: Captions | None, collection: Collection
) -> list[int]:
    """Walk through a source once without writing; return the size of each file in bytes."""
    sizes: list[int] = []
    lines: dict[str, int | None] = {}
    file_names: set[str] = set()
    for entry in _entries(source):
        if entry.image_id in lines:
            raise BadTableError(
                f"The image_id {entry.image_id!r} is there twice "
                f"(first in line {lines[entry.image_id]}).",
                where=f"{source.names_of_tables[MANIFEST]}:{entry.line}",
                field="image_id",
            )
        lines[entry.image_id] = entry.line
        if captions is not None and captions.by_file:
            file_names.add(entry.file_name)
        sizes.append(entry.found.byte_size)
    if captions is not None:
        unknown = captions.texts.keys() - (file_names if captions.by_file else lines.keys())
        unknown -= _known_here(collection, unknown, by_file=captions.by_file)
        if unknown:
            first = min(unknown, key=captions.lines.__getitem__)
            raise BadTableError(
                f"There is no image {first!r} in this import or its collection.",
                where=f"{captions.where}:{captions.lines[first]}",
                field="file_name" if captions.by_file else "image_id",
            )
    return sizes


def _known_here(collection: Collection, keys: set[str], *, by_file: bool) -> set[str]:
    field = "file_name" if by_file else "image_id"
    wanted = sorted(keys)
    known: set[str] = set()
    for start in range(0, len(wanted), 500):
        some = {f"{field}__in": wanted[start : start + 500]}
        members = Image.objects.members().filter(collection=collection, **some)
        known.update(members.values_list(field, flat=True))
    return known


def _rows(batch: Import, source: Source, captions: Captions | None) -> Iterator[ImportedFile]:
    for position, entry in enumerate(_entries(source)):
        key = entry.file_name if captions is not None and captions.by_file else entry.image_id
        yield ImportedFile(
            batch=batch,
            position=position,
            file_name=entry.file_name,
            requested_id=entry.image_id,
            line=entry.line,
            metadata=entry.metadata,
            captions=captions.texts.get(key, []) if captions is not None else [],
            location=entry.found.location,
            outcome=Outcome.REJECTED if entry.found.reason else Outcome.WAITING,
            reason=entry.found.reason,
        )


def _caption_images_that_are_here(batch: Import, captions: Captions) -> None:
    field = "file_name" if captions.by_file else "image_id"
    own = "file_name" if captions.by_file else "requested_id"
    keys = sorted(captions.texts)
    for start in range(0, len(keys), 500):
        some = keys[start : start + 500]
        imported = set(batch.files.filter(**{f"{own}__in": some}).values_list(own, flat=True))
        here = Image.objects.members().filter(
            collection=batch.collection, **{f"{field}__in": set(some) - imported}
        )
        for image in here:
            set_captions(image=image, texts=captions.texts[getattr(image, field)])


@transaction.atomic
def set_captions(*, image: Image, texts: list[str]) -> None:
    """Give an image these captions instead of those that it has."""
    image.captions.all().delete()
    Caption.objects.bulk_create(
        Caption(image=image, position=position, text=text) for position, text in enumerate(texts)
    )


# --- the job --------------------------------------------------------------------------------------


def run_part(part: JobPart, progress: Progress) -> dict[str, Any]:
    """Do one part of an import; see `apps.jobs.registry`."""
    batch = Import.objects.select_related("collection").get(pk=part.job.params["import_id"])
    if part.stage == 1:
        return _make_images(batch, progress)
    root = part.job.params["root"]
    if root and not Path(root).exists():
        raise SourceGoneError(
            f"{root} is not there for {part.worker}: run the same command again where it is."
        )
    files = batch.files.filter(
        outcome=Outcome.WAITING,
        position__range=(part.params["first"], part.params["last"]),
        decoded={},  # what an earlier attempt has done stays done
    )
    stored: list[ImportedFile] = []
    with Keeper() as keeper:
        try:
            for file in list(files):
                _store(file, keeper)
                stored.append(file)
                if len(stored) % REPORT_EVERY == 0:
                    progress(len(stored))
        except Exception:  # out of time, perhaps: what is stored need not be done again
            keeper.flush()
            _note(stored)
            raise
    _note(stored)
    close_zip(keep_large=True)
    return {"rejected": sum(file.outcome == Outcome.REJECTED for file in stored)}


def _note(files: list[ImportedFile]) -> None:
    """Write down what decoding found; harmless when another worker was faster."""
    ImportedFile.objects.bulk_update(files, ["decoded"])
    for file in files:
        if file.outcome == Outcome.REJECTED:
            ImportedFile.objects.filter(pk=file.pk, outcome=Outcome.WAITING).update(
                outcome=Outcome.REJECTED, reason=file.reason
            )


def _store(file: ImportedFile, keeper: Keeper) -> None:
    """Read, decode and keep one file, or note why it is rejected."""
    try:
        content = read_content(file.location, max_bytes=settings.IMPORT_MAX_FILE_BYTES)
        picture = decode(content)
    except (UnreadableFileError, UnreadableImageError) as error:
        file.outcome = Outcome.REJECTED
        file.reason = str(error)[:300]
        return
    file.decoded = keeper.keep(content=content, picture=picture, uuid=file.image_uuid)


def _make_images(batch: Import, progress: Progress) -> dict[str, Any]:
    """Give the decoded files their ordinals, in the order of the source.

    Done again after a kill, it goes on behind the last transaction that was committed.
    """
    while True:
        with transaction.atomic():
            # Two imports never run on one collection, but a late copy of this part might.
            Collection.objects.select_for_update().get(pk=batch.collection_id)
            files = list(
                batch.files.select_for_update()
                .filter(outcome=Outcome.WAITING)
                .order_by("position")[:IMAGES_PER_TRANSACTION]
            )
            if not files:
                return {}
            _make_images_of(batch.collection, files)
        progress(0)


def _make_images_of(collection: Collection, files: list[ImportedFile]) -> None:
    by_content = _members_by(collection, "sha256", [file.decoded["sha256"] for file in files])
    by_id = _members_by(
        collection, "image_id", [file.requested_id for file in files], members_only=False
    )
    last = collection.images.aggregate(last=Max("ordinal"))["last"]
    ordinal = 0 if last is None else last + 1
    images: list[Image] = []
    captions: list[Caption] = []
    copies: list[ImportedFile] = []
    not_needed: list[ImportedFile] = []
    for file in files:
        if (same := by_content.get(file.decoded["sha256"])) is not None:
            file.outcome = Outcome.DUPLICATE
            file.reason = f"same bytes as {same.image_id}"[:300]
            file.image = same
            copies.append(file)
            continue
        if file.requested_id in by_id:
            file.outcome = Outcome.REJECTED
            file.reason = "another image of the collection has this image_id"
            not_needed.append(file)
            continue
        image = Image(
            collection=collection,
            image_id=file.requested_id,
            file_name=file.file_name,
            uuid=file.image_uuid,
            ordinal=ordinal + len(images),
            metadata=file.metadata,
            **file.decoded,
        )
        by_content[image.sha256] = by_id[image.image_id] = image
        images.append(image)
        captions += [
            Caption(image=image, position=position, text=text)
            for position, text in enumerate(file.captions)
        ]
    Image.objects.bulk_create(images, batch_size=500)
    Caption.objects.bulk_create(captions, batch_size=500)
    for file in copies:
        if file.captions and file.image is not None and not file.image.captions.exists():
            set_captions(image=file.image, texts=file.captions)
    ImportedFile.objects.bulk_update(
        copies + not_needed, ["outcome", "reason", "image"], batch_size=500
    )
    # All that still waits among these files has become an image.
    own_image = Image.objects.filter(uuid=OuterRef("image_uuid")).values("pk")
    files[0].batch.files.filter(
        outcome=Outcome.WAITING, position__range=(files[0].position, files[-1].position)
    ).update(outcome=Outcome.IMPORTED, image=Subquery(own_image))
    transaction.on_commit(lambda: _remove_derivatives(copies + not_needed))


def _members_by(
    collection: Collection, field: str, values: list[str], *, members_only: bool = True
) -> dict[str, Image]:
    images = collection.images.all()
    if members_only:
        images = images.filter(ordinal__isnull=False)
    found: dict[str, Image] = {}
    for start in range(0, len(values), 500):
        for image in images.filter(**{f"{field}__in": values[start : start + 500]}):
            found[getattr(image, field)] = image
    return found


def _remove_derivatives(files: list[ImportedFile]) -> None:
    for file in files:
        nobody = Image(uuid=file.image_uuid, **file.decoded)
        discard({nobody.thumb_name, nobody.display_name})


def finish(job: Job) -> dict[str, Any]:
    """Count the outcomes and let the uploads go; see `apps.jobs.registry`."""
    batch = Import.objects.get(pk=job.params["import_id"])
    counts = selectors.import_counts(batch=batch)
    stored = list(batch.staged_files.values_list("stored", flat=True))
    batch.staged_files.all().delete()

    def remove_uploads() -> None:
        close_zip()
        discard(stored)

    transaction.on_commit(remove_uploads)
    rejected = counts["rejected"]
    return {**counts, "summary": "complete" + (f", {rejected:,} rejected" if rejected else "")}
