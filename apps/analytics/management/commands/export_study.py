from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from apps.analytics.services.export import export_study
from apps.common.commands import Command as BaseCommand
from apps.studies.selectors import study_named


class Command(BaseCommand):
    help = "Write a study as a release folder, which import_study reads back."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY")
        parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")
        parser.add_argument(
            "--names", action="store_true", help="assessors by name instead of pseudonym"
        )
        parser.add_argument("--images", action="store_true", help="with the original images")

    def handle(self, *args: Any, **options: Any) -> None:
        n = export_study(
            study=study_named(slug=options["study"]),
            folder=options["out"],
            names=options["names"],
            images=options["images"],
        )
        self.stdout.write(f"Wrote {n:,} judgments and the report to {options['out']}.")
