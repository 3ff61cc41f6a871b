from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.analytics.services.importing import import_study
from apps.common.commands import Command as BaseCommand


class Command(BaseCommand):
    help = "Read a release folder back as a study, with or without its images."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="FOLDER")
        parser.add_argument("--slug", default="", help="the study's address on this site")

    def handle(self, *args: Any, **options: Any) -> None:
        imported = import_study(
            path=options["folder"], slug=options["slug"], imported_at=timezone.now()
        )
        study, images = imported.study, imported.images
        self.stdout.write(f"Imported {study.name} as {study.slug}.")
        if imported.placeholder:
            have = (
                f"{images.attached:,} of its images came along" if images.attached else "no images"
            )
            self.stdout.write(f"Its collection is {study.collection.slug}: {have}.")
        for line in images.unreadable:
            self.stdout.write(f"Not readable: {line}.")
