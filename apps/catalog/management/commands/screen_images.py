"""`screen_images COLLECTION --labels labels.csv`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from apps.catalog import selectors, services
from apps.catalog.models import Image
from apps.catalog.sources import read_labels
from apps.common.commands import Command as BaseCommand
from apps.common.errors import InvalidError


class Command(BaseCommand):
    help = "Mark the images of a collection that do not take part, from a table of labels."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", help="short name of the collection")
        parser.add_argument(
            "--labels",
            type=Path,
            required=True,
            help="CSV with image_id and label; an empty label or ok: the image takes part",
        )

    def handle(self, *args: Any, collection: str, labels: Path, **options: Any) -> None:
        found = selectors.collection_named(slug=collection)
        if not labels.is_file():
            raise InvalidError(f"There is no file {labels}.", field="--labels")
        with labels.open("rb") as file:
            table = read_labels(file, where=labels.name)
        changed = services.exclude_images(
            collection=found,
            reasons={image_id: label for image_id, (label, _) in table.items()},
            where={image_id: f"{labels.name}:{line}" for image_id, (_, line) in table.items()},
        )
        members = Image.objects.members().filter(collection=found)
        self.stdout.write(
            f"{changed:,} images changed: {members.searchable().count():,} of "
            f"{members.count():,} take part."
        )
