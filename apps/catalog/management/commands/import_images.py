"""`import_images COLLECTION FOLDER|ZIP|manifest.csv`."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.db import transaction
from django.utils import timezone

from apps.catalog import selectors, services
from apps.catalog.models import Collection, Import, ImportedFile
from apps.catalog.sources import Source, folder_source, read_captions, zip_source
from apps.common.commands import Command as BaseCommand
from apps.common.errors import InvalidError
from apps.jobs.commands import follow

SHOWN_FILES = 100


class Command(BaseCommand):
    help = "Import images into a collection; run it again to go on after a stop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", help="short name of the collection")
        parser.add_argument(
            "source",
            type=Path,
            help="a folder, a zip archive, or a manifest.csv with the column file_name",
        )
        parser.add_argument(
            "--captions",
            type=Path,
            help="CSV with image_id (or file_name) and caption; default: captions.csv beside",
        )
        parser.add_argument(
            "--root", type=Path, help="folder that the manifest's names are relative to"
        )
        parser.add_argument(
            "--create", action="store_true", help="make the collection if it is not there"
        )

    def handle(
        self,
        *args: Any,
        collection: str,
        source: Path,
        captions: Path | None,
        root: Path | None,
        create: bool,
        **options: Any,
    ) -> None:
        found = Collection.objects.filter(slug=collection).first()
        if found is None and not create:
            raise selectors.UnknownCollectionError(
                selectors.unknown_collection_sentence(slug=collection)
                + " Give --create to make it.",
                field="collection",
            )
        opened = _open(source, root=root)
        texts = None
        if captions is not None:
            if not captions.is_file():
                raise InvalidError(f"There is no file {captions}.", field="--captions")
            with captions.open("rb") as file:
                texts = read_captions(file, where=captions.name)
        now = timezone.now()
        with transaction.atomic() if found is None else nullcontext():
            batch = services.request_import(
                collection=found
                or services.create_collection(name=collection, slug=collection, created_at=now),
                source=opened,
                captions=texts,
                created_at=now,
            )
        assert batch.job is not None  # noqa: S101  request_import gives it one
        # A folder or archive of this machine: workers elsewhere cannot read it.
        follow(job=batch.job, stdout=self.stdout, ask_workers=False)
        self._report(batch)

    def _report(self, batch: Import) -> None:
        counts = selectors.import_counts(batch=batch)
        self.stdout.write(
            f"Complete: {counts['imported']:,} imported, {counts['duplicate']:,} duplicate, "
            f"{counts['rejected']:,} rejected."
        )
        left_aside = batch.files.exclude(outcome=ImportedFile.Outcome.IMPORTED)
        for file in left_aside.order_by("-outcome", "position")[:SHOWN_FILES]:
            line = f" (line {file.line})" if file.line else ""
            self.stdout.write(f"  {file.outcome}: {file.file_name}{line}: {file.reason}")
        if (more := left_aside.count() - SHOWN_FILES) > 0:
            self.stdout.write(f"  and {more:,} more, see import {batch.pk} in the browser.")


def _open(source: Path, *, root: Path | None) -> Source:
    if source.is_dir():
        return folder_source(source)
    if not source.is_file():
        raise InvalidError(f"There is no folder or file {source}.", field="source")
    if source.suffix.lower() == ".zip":
        return zip_source(source)
    if source.suffix.lower() == ".csv":
        return folder_source(root or source.parent, manifest=source)
    raise InvalidError(
        f"{source} is neither a folder nor a zip archive nor a CSV manifest.", field="source"
    )
