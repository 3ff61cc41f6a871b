from typing import Any

from django.core.management.base import CommandParser
from django.utils import timezone

from apps.common.commands import Command as BaseCommand
from apps.jobs.commands import follow
from apps.retrieval import selectors, services
from apps.studies.selectors import study_named


class Command(BaseCommand):
    help = (
        "Rank every query of a study with every method and pool the best. Next: plan_assignments."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("study", metavar="STUDY")
        parser.add_argument("--depth", type=int, help="results of each method that enter the pool")
        parser.add_argument(
            "--device", default="auto", help="auto, cpu or cuda: the rankings are the same"
        )
        parser.add_argument(
            "--available",
            action="store_true",
            help="leave out methods whose feature space is not complete, and say which",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_named(slug=options["study"])
        job = services.request_pools(
            study=study,
            depth=options["depth"],
            device=options["device"],
            available_only=options["available"],
            requested_at=timezone.now(),
        )
        for left_out in job.params["left_out"]:
            self.stdout.write(f"Left out: {left_out['method']}. {left_out['how']}")
        job = follow(job=job, stdout=self.stdout)
        study.refresh_from_db()
        summary = selectors.pool_summary(study=study)
        change = "" if job.result["changed"] else " (as they were)"
        self.stdout.write(
            f"Pools of {study.slug}: {summary.n_pairs} pairs for {summary.n_queries} queries, "
            f"depth {summary.depth}{change}."
        )
        for method, number in summary.unique.items():
            self.stdout.write(
                f"  {method}: {summary.rankings[method]} rankings, "
                f"{number} pairs that no other method found"
            )
