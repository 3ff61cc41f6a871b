import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandParser
from django.utils.module_loading import import_string

from apps.common.commands import Command as BaseCommand
from apps.common.errors import InvalidError
from apps.common.storage import published

# Each takes `quick` and returns lines that look like `apps.retrieval.bench.Measurement`.
BENCHES = {
    "search": "apps.retrieval.bench.search.search_of_512_dimensions",
    "scale": "apps.retrieval.bench.scale.search_from_disk",
    "growth": "apps.retrieval.bench.growth.growth_of_a_search",
    "extraction": "apps.retrieval.bench.extraction.extraction_against_the_bare_model",
    "descriptors": "apps.retrieval.bench.descriptors.small_descriptors",
    "words": "apps.retrieval.bench.words.words_of_the_papers_size",
    "report": "apps.analytics.bench.report_of_the_papers_size",
    "web": "apps.config.bench.web_process",
    "explorer": "apps.config.bench.explorer.explorer",
}
# Those that take gigabytes of disk run only when they are named.
LARGE_BENCHES = {"full": "apps.retrieval.bench.scale.search_of_the_papers_size"}


class Command(BaseCommand):
    help = "Measure the budgets on this machine: prints a table and writes bench.json."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--quick", action="store_true", help="smaller sizes, fewer rounds")
        parser.add_argument("--only", action="append", default=[], metavar="NAME")
        parser.add_argument("--out", type=Path, default=None, metavar="bench.json")

    def handle(self, *args: Any, **options: Any) -> None:
        all_of_them = BENCHES | LARGE_BENCHES
        unknown = sorted(set(options["only"]) - set(all_of_them))
        if unknown:
            raise InvalidError(
                f"There is no measurement {unknown[0]!r}; there are {', '.join(all_of_them)}.",
                field="only",
            )
        lines = []
        for name in options["only"] or BENCHES:
            for line in import_string(all_of_them[name])(quick=options["quick"]):
                lines.append(
                    {
                        "name": line.name,
                        "value": line.value,
                        "unit": line.unit,
                        "bound": line.bound,
                        "holds": line.holds,
                    }
                )
                verdict = {True: "holds", False: "BROKEN", None: ""}[line.holds]
                value = f"{line.value:.4g} {line.unit}".rstrip()
                self.stdout.write(
                    f"{line.name:<70} {value:>16}  {line.bound:<8} {verdict}".rstrip()
                )
        out = options["out"] or settings.DATA / "bench.json"
        with published(out) as file:
            file.write(json.dumps(lines, indent=1).encode() + b"\n")
        self.stdout.write(f"Written to {out}.")
