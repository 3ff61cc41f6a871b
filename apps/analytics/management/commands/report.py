from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from apps.analytics.services.reports import write_report
from apps.common.commands import Command as BaseCommand
from apps.studies.selectors import study_named


class Command(BaseCommand):
    help = "Write a study's report: tables, figures and a page that stands alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY")
        parser.add_argument("--out", required=True, type=Path, metavar="FOLDER")

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_named(slug=options["study"])
        report = write_report(study=study, folder=options["out"])
        for notice in report.notices:
            self.stdout.write(notice["text"])
        self.stdout.write(f"Wrote the report to {options['out']}.")
