from argparse import ArgumentParser
from typing import Any

from django.utils import timezone

from apps.assessment.selectors import PlanSummary
from apps.assessment.services import plan_assignments
from apps.common.commands import Command as LikenessCommand
from apps.studies.selectors import study_named


class Command(LikenessCommand):
    help = "Deal a study's queries out to its assessors, and open it for judging."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("study", help="the study's short name")
        parser.add_argument(
            "--preview", action="store_true", help="show the numbers and write nothing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_named(slug=options["study"])
        plan = plan_assignments(
            study=study, planned_at=timezone.now(), actor=None, preview=options["preview"]
        )
        self.stdout.write(table_of(plan))
        self.stdout.write(
            "Only a preview: nothing was written."
            if options["preview"]
            else f"The study {study.slug} is open for judging."
        )


def table_of(plan: PlanSummary) -> str:
    """The plan in numbers, by category and by assessor."""
    rows = [("category", "queries", "common", "assessors", "pairs")]
    rows += [
        (own.name, f"{own.n_queries}", f"{own.n_common}", f"{own.n_assessors}", f"{own.n_pairs:,}")
        for own in plan.categories
    ]
    rows += [("", "", "", "", ""), ("assessor", "queries", "common", "groups", "pairs")]
    rows += [
        (
            f"{own.pseudonym} {own.username}",
            f"{own.n_queries}",
            f"{own.n_common}",
            ";".join(own.groups),
            f"{own.n_pairs:,}",
        )
        for own in plan.assessors
    ]
    width = max(len(row[0]) for row in rows)
    lines = [
        f"{row[0]:<{width}} {row[1]:>8} {row[2]:>8} {row[3]:>10} {row[4]:>9}".rstrip()
        for row in rows
    ]
    total = f"{plan.total_pairs:,} pairs in all; seed {plan.seed}; "
    return "\n".join([*lines, "", f"{total}most less fewest of an assessor: {plan.spread:,}"])
