from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from apps.assessment.models import Judgment
from apps.assessment.services import Simulation, simulate_assessors
from apps.assessment.services.simulating import STARTS_AT
from apps.common.commands import Command as LikenessCommand
from apps.common.errors import InvalidError
from apps.studies.selectors import study_named


class Command(LikenessCommand):
    help = (
        "Fill a copy of a study with judgments by programs. The copy, its people and every report "
        "of it are marked as simulated; the study itself is not touched."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        default = Simulation()
        parser.add_argument("study", help="the study's short name")
        parser.add_argument("--copy", help="the copy's short name (default: STUDY-simulated)")
        parser.add_argument(
            "--assessors-per-group",
            type=int,
            metavar="N",
            help="programs in every group (default: as many as it has people)",
        )
        parser.add_argument(
            "--accuracy",
            type=float,
            default=default.accuracy,
            help="how often an answer is the true level (default: %(default)s)",
        )
        parser.add_argument(
            "--bias", action="store_true", help="some err upwards, some downwards, some either way"
        )
        parser.add_argument(
            "--pace-ms",
            type=int,
            default=default.pace_ms,
            help="median time of a judgment (default: %(default)s)",
        )
        parser.add_argument("--seed", type=int, help="default: the study's own")
        parser.add_argument(
            "--same",
            action="append",
            default=[],
            type=_column_and_level,
            metavar="COLUMN=LEVEL",
            help="images with the same word in this column are this similar; repeats, the "
            "highest level counts (default: the truth is invented)",
        )
        parser.add_argument(
            "--share",
            type=float,
            default=default.share,
            help="of everybody's pairs that are judged (default: %(default)s)",
        )
        parser.add_argument(
            "--labels",
            action="store_true",
            help="the columns are labels that stand in for people: answer without errors",
        )
        parser.add_argument(
            "--start",
            type=_moment,
            default=STARTS_AT,
            help=f"when everybody begins (default: {STARTS_AT:%Y-%m-%dT%H:%MZ})",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        study = study_named(slug=options["study"])
        same: dict[str, int] = {}
        for column, level in options["same"]:
            if column in same:
                raise InvalidError(f"The column {column!r} is named twice.", field="same")
            same[column] = level
        copy = simulate_assessors(
            study=study,
            slug=options["copy"] or f"{study.slug}-simulated",
            assessors_per_group=options["assessors_per_group"],
            simulated_at=timezone.now(),
            actor=None,
            simulation=Simulation(
                accuracy=options["accuracy"],
                bias=options["bias"],
                pace_ms=options["pace_ms"],
                seed=study.seed if options["seed"] is None else options["seed"],
                same=same,
                share=options["share"],
                starts_at=options["start"],
                labels=options["labels"],
            ),
        )
        n = Judgment.objects.filter(participant__study=copy).count()
        who = "Labels stood in for people" if options["labels"] else "Programs judged"
        self.stdout.write(
            f"{who}: {n:,} judgments of {copy.participants.count()} simulated assessors are in "
            f"the study {copy.slug}, which is marked as simulated."
        )


def _column_and_level(text: str) -> tuple[str, int]:
    column, _, level = text.rpartition("=")
    if not column or not level.isdigit():
        raise ArgumentTypeError(f"must be COLUMN=LEVEL, such as label=4, got {text!r}")
    return column, int(level)


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ArgumentTypeError(f"must be a time such as 2026-01-05T09:00Z, got {text!r}")
    return moment
