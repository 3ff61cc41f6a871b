"""`screen_images COLLECTION [--labels labels.csv] [--labels-only]`."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.catalog import services as catalog
from apps.catalog.models import Collection, Image
from apps.catalog.selectors import collection_named
from apps.catalog.sources import read_labels
from apps.common.commands import Command as BaseCommand
from apps.common.errors import InvalidError
from apps.jobs.commands import follow
from apps.jobs.models import Job
from apps.retrieval import selectors, services


class Command(BaseCommand):
    help = (
        "Mark the images of a collection that do not take part: figures of several panels, and "
        "illustrations, learned from people's labels. Run again, it looks at new images only."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", help="short name of the collection")
        parser.add_argument(
            "--labels",
            type=Path,
            help=(
                "CSV with image_id and label: illustration, multipanel or any other reason; "
                "keep, ok or an empty label: the image takes part"
            ),
        )
        parser.add_argument(
            "--labels-only", action="store_true", help="store the labels and predict nothing"
        )

    def handle(self, *args: Any, collection: str, **options: Any) -> None:
        found = collection_named(slug=collection)
        if options["labels"] is None and options["labels_only"]:
            raise InvalidError("--labels-only needs --labels labels.csv.", field="--labels")
        if options["labels"] is not None:
            self._store(found, options["labels"])
        if not options["labels_only"]:
            self._screen(found)

    def _store(self, collection: Collection, labels: Path) -> None:
        if not labels.is_file():
            raise InvalidError(f"There is no file {labels}.", field="--labels")
        with labels.open("rb") as file:
            table = read_labels(file, where=labels.name)
        changed = catalog.exclude_images(
            collection=collection,
            reasons={image_id: label for image_id, (label, _) in table.items()},
            labelled_at=timezone.now(),
            where={image_id: f"{labels.name}:{line}" for image_id, (_, line) in table.items()},
        )
        self._say_who_takes_part(collection, changed)

    def _screen(self, collection: Collection) -> None:
        target = selectors.screening_target(collection=collection)
        unfinished = Job.objects.unfinished().filter(kind=selectors.SCREEN).on(target).first()
        if unfinished is not None:
            self.stdout.write(f"Going on with job {unfinished.pk}, which was not finished.")
            follow(job=unfinished, stdout=self.stdout)
        training = selectors.training_of(collection=collection)
        if training.possible and selectors.screening_spaces(collection=collection) is None:
            job = services.request_extraction(
                collection=collection,
                spaces=selectors.screening_space_names(),
                device="auto",
                requested_at=timezone.now(),
            )
            follow(job=job, stdout=self.stdout)
        job = services.request_screening(collection=collection, requested_at=timezone.now())
        result = follow(job=job, stdout=self.stdout).result
        self.stdout.write(f"Panels: {result['looked_at']:,} images looked at.")
        if result["unreadable"]:
            self.stdout.write(f"{result['unreadable']:,} images could not be read.")
        if result["trained"]:
            self.stdout.write(f"Illustrations: learned from {result['labels']:,} labels.")
        else:
            self.stdout.write(
                f"Illustrations: nothing learned. {result['reason']} Label some on the page "
                f"/collections/{collection.slug}/screening or by --labels."
            )
        self._say_who_takes_part(collection, result["changed"])

    def _say_who_takes_part(self, collection: Collection, changed: int) -> None:
        members = Image.objects.members().filter(collection=collection)
        self.stdout.write(
            f"{changed:,} images changed: {members.searchable().count():,} of "
            f"{members.count():,} take part."
        )
        for study in selectors.affected_studies(collection=collection):
            what = (
                "build its pools again"
                if study.state == "draft"
                else "pairs that were dealt out stay as they are"
            )
            self.stdout.write(
                f"The pools of {study.slug} ({study.state}) hold {study.n_pairs:,} pairs with an "
                f"image that does not take part: {what}."
            )
