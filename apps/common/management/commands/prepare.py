"""`manage.py prepare`: all that has to be there before the first start."""

import hashlib
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command, get_commands

from apps.common.commands import Command as BaseCommand
from apps.common.storage import published, sweep_leftovers


class Command(BaseCommand):
    help = "Create or upgrade the database, collect static files and build the demo study."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--no-demo", action="store_true", help="leave the demo study out")

    def handle(self, *args: Any, **options: Any) -> None:
        settings.DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
        if swept := sweep_leftovers(settings.DATA):
            self.stdout.write(f"Removed {swept} unfinished files of an earlier run.")
        call_command("migrate", interactive=False, verbosity=0)
        self.collect_static()
        if not options["no_demo"] and "demo" in get_commands():
            call_command("demo", stdout=self.stdout, stderr=self.stderr)

    def collect_static(self) -> None:
        """Collecting compresses every file, so it is done only when one of them has changed."""
        digest = hashlib.sha256()
        for finder in get_finders():
            for name, storage in finder.list([]):
                changed = storage.get_modified_time(name).timestamp()
                digest.update(f"{name} {changed} {storage.size(name)}\n".encode())
        stamp = settings.STATIC_ROOT.with_suffix(".sha256")
        if stamp.is_file() and stamp.read_text() == digest.hexdigest():
            return
        call_command("collectstatic", interactive=False, clear=True, verbosity=0)
        with published(stamp) as file:
            file.write(digest.hexdigest().encode())
