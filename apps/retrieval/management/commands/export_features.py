from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.catalog.selectors import collection_named
from apps.common.commands import Command as BaseCommand
from apps.retrieval import services


class Command(BaseCommand):
    help = (
        "Write a feature space to an .npz file: image_id (n,) and vectors (n, d), in the order "
        "of the collection, without images that could not be read."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", metavar="COLLECTION")
        parser.add_argument("space", metavar="SPACE")
        parser.add_argument("--out", required=True, type=Path, metavar="vectors.npz")
        parser.add_argument(
            "--with-excluded", action="store_true", help="images that were screened out, too"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        done = services.export_features(
            collection=collection_named(slug=options["collection"]),
            space=options["space"],
            path=options["out"],
            with_excluded=options["with_excluded"],
        )
        sentence = f"{options['out']}: {done.rows} vectors of {done.dimensions} numbers"
        if done.excluded:
            sentence += f"; {done.excluded} screened-out images left out"
        if done.missing:
            sentence += f"; {done.missing} images could not be read and are left out"
        self.stdout.write(f"{sentence}.")
