"""`manage.py backup FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.utils import timezone

from apps.common.archive import write_backup
from apps.common.commands import Command as BaseCommand


class Command(BaseCommand):
    help = "Write the database and all stored files into one tar; the program may go on working."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the tar to write; it must not exist yet")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        if path.exists():
            raise CommandError(f"{path} exists already; a backup overwrites nothing.")
        if not path.parent.is_dir():
            raise CommandError(f"{path}: there is no folder {path.parent}.")
        try:
            n_files = write_backup(path=path.resolve(), created_at=timezone.now())
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        size = path.stat().st_size
        self.stdout.write(f"{path}: the database and {n_files} files, {size / 2**20:.1f} MiB.")
