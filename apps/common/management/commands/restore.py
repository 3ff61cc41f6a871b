"""`manage.py restore FILE`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.common.archive import read_backup
from apps.common.commands import Command as BaseCommand


class Command(BaseCommand):
    help = "Restore a backup into an empty place, after comparing every byte with its checksum."
    requires_system_checks: list[str] = []  # some look into the database, which is not there yet

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="a tar that `backup` has written")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            manifest = read_backup(path=options["file"])
        except OSError as error:
            raise CommandError(f"{options['file']}: {error.strerror}.") from error
        n_files = len(manifest["members"]) - 1
        self.stdout.write(
            f"Restored the database and {n_files} files of {manifest['created_at'][:19]} UTC. "
            "Next: manage.py prepare, which brings the database up to date."
        )
