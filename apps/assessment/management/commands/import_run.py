"""`import_run STUDY FILE [--method NAME] [--no-pool] [--preview]`."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.utils import timezone

from apps.assessment.services import import_run
from apps.common.commands import Command as LikenessCommand
from apps.common.errors import InvalidError
from apps.retrieval.services.runs import remove_run
from apps.studies.selectors import study_named


class Command(LikenessCommand):
    help = "Add a TREC run file to a study as a method of its own; its pools grow."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", metavar="STUDY", help="the study's short name")
        parser.add_argument("file", metavar="FILE", type=Path, nargs="?", help="a TREC run")
        parser.add_argument("--method", default="", help="its name; else the tag of its lines")
        parser.add_argument(
            "--no-pool",
            action="store_true",
            help="only report on it: what it found alone is not judged",
        )
        parser.add_argument(
            "--preview", action="store_true", help="show the numbers and write nothing"
        )
        parser.add_argument(
            "--remove", action="store_true", help="take the run of --method out of a draft"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_named(slug=options["study"])
        path: Path | None = options["file"]
        if options["remove"]:
            remove_run(
                study=study,
                method=options["method"],
                removed_at=timezone.now(),
                removed_by=None,
            )
            self.stdout.write(f"{options['method']} is no method of {study.slug} any more.")
            return
        if path is None or not path.is_file():
            raise InvalidError(f"There is no file {path or ''}".rstrip() + ".", field="file")
        with path.open("rb") as file:
            done = import_run(
                study=study,
                file=file,
                file_name=path.name,
                method=options["method"],
                in_pools=not options["no_pool"],
                preview=options["preview"],
                imported_at=timezone.now(),
                imported_by=None,
            )
        for sentence in done.sentences:
            self.stdout.write(sentence)
        if options["preview"]:
            self.stdout.write("Only a preview: nothing was written.")
