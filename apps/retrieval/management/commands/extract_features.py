from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.catalog.selectors import collection_named
from apps.common.commands import Command as BaseCommand
from apps.jobs.commands import follow
from apps.jobs.models import Job
from apps.retrieval import selectors, services


class Command(BaseCommand):
    help = (
        "Compute feature spaces of a collection. Without --space: all that this machine can "
        "compute. Run again, it checks what is there and computes what is missing, damaged or new."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("collection", metavar="COLLECTION")
        parser.add_argument("--space", action="append", default=[], metavar="SPACE", dest="spaces")
        parser.add_argument("--device", default="auto", help="auto, cpu or cuda")

    def handle(self, *args: Any, **options: Any) -> None:
        collection = collection_named(slug=options["collection"])
        if options["device"] == "cuda":
            services.pick_device(device="cuda")  # refuses here rather than in every part
        unfinished = (
            Job.objects.unfinished()
            .filter(kind=selectors.EXTRACT)
            .on(selectors.extraction_target(collection=collection))
            .first()
        )
        if unfinished is not None:
            self.stdout.write(f"Going on with job {unfinished.pk}, which was not finished.")
            follow(job=unfinished, stdout=self.stdout)
        job = services.request_extraction(
            collection=collection,
            spaces=options["spaces"],
            device=options["device"],
            requested_at=timezone.now(),
            ask_hub=True,
        )
        for left_out in self._by_reason(job.params["left_out"]):
            self.stdout.write(left_out)
        job = follow(job=job, stdout=self.stdout)
        result = job.result
        shards = "shard" if result["computed"] == 1 else "shards"
        sentence = f"{', '.join(result['spaces'])}: {result['computed']} {shards} computed"
        if result["kept"]:
            sentence += f", {result['kept']} were there already"
        if result["missing"]:
            sentence += f"; {result['missing']} images have no vector (see the manifest)"
        self.stdout.write(f"{sentence}.")

    def _by_reason(self, left_out: list[dict[str, str]]) -> list[str]:
        spaces: dict[str, list[str]] = {}
        for one in left_out:
            spaces.setdefault(one["how"], []).append(one["space"])
        return [f"Left out: {', '.join(names)}. {how}" for how, names in spaces.items()]
