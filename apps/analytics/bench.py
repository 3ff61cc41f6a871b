"""Measurements of this room for `manage.py bench`: a report of the paper's size, and its growth.

Each size is a release from nowhere (random levels and rankings) that a process of its own imports
into a database of its own, so that nothing here touches the program's data.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from apps.retrieval.bench import Measurement

QUERIES, METHODS, DEPTH, RANKED, ASSESSORS = 200, 5, 50, 500, 20
JUDGMENTS_A_QUERY = 227  # 45,400 for 200 queries; the paper has 45,360
ROUNDS = 5


def report_of_the_papers_size(*, quick: bool) -> list[Measurement]:
    """All tables of a study like the paper's, what a web process weighs after it, and growth."""
    n_queries = QUERIES // 4 if quick else QUERIES
    with tempfile.TemporaryDirectory(prefix="likeness-bench-") as workplace:
        whole = _measured(Path(workplace) / "whole", n_queries=n_queries)
        quarter = _measured(Path(workplace) / "quarter", n_queries=n_queries // 4)
    n = f"{whole['judgments']:,} judgments"
    exponent = math.log(whole["seconds"] / quarter["seconds"]) / math.log(
        whole["judgments"] / quarter["judgments"]
    )
    return [
        Measurement(f"report: all tables of {n}", whole["seconds"], "s", "<= 1"),
        Measurement(
            f"report: process with routes and figures after {n}", whole["mib"], "MiB", "<= 150"
        ),
        Measurement("report: growth of its time with judgments, exponent", exponent, ""),
        Measurement(f"release: import of {n} and their runs", whole["import_seconds"], "s"),
    ]


def write_random_release(folder: Path, *, n_queries: int) -> None:
    """A release of the least that is needed: queries, judgments and runs; the same each time.

    A tenth of the queries is judged by four assessors, the others by one.
    """
    rng = np.random.default_rng(2017)
    (folder / "runs").mkdir(parents=True)
    categories = ("Open Domain", "Medical (Open)", "Medical (Intermediate)", "Medical (Expert)")
    (folder / "study.json").write_text(json.dumps({"name": "Bench", "depth": DEPTH}))
    queries, judgments = ["query_id,category,image_id"], ["query_id,image_id,assessor,level"]
    runs: list[list[str]] = [[] for _ in range(METHODS)]
    for number in range(n_queries):
        queries.append(f"q{number:04d},{categories[number % 4]},query{number:04d}")
        near = rng.permutation(2 * RANKED)
        found: dict[int, None] = {}
        for method, run in enumerate(runs):
            top = rng.permutation(near)[:RANKED].tolist()
            found.update(dict.fromkeys(top[:DEPTH]))
            run.extend(
                f"q{number:04d} Q0 image{image:04d} {rank} {-rank} method{method}"
                for rank, image in enumerate(top, start=1)
            )
        judges = range(4) if number % 10 == 0 else range(number % ASSESSORS, number % ASSESSORS + 1)
        pool = list(found)[: int(JUDGMENTS_A_QUERY / 1.3)]
        judgments.extend(
            f"q{number:04d},image{image:04d},A{judge:02d},{level}"
            for judge in judges
            for image, level in zip(pool, rng.integers(1, 6, size=len(pool)).tolist(), strict=True)
        )
    (folder / "queries.csv").write_text("\n".join(queries) + "\n")
    (folder / "judgments.csv").write_text("\n".join(judgments) + "\n")
    for method, run in enumerate(runs):
        (folder / f"runs/method{method}.run").write_text("\n".join(run) + "\n")


def _measured(place: Path, *, n_queries: int) -> dict[str, Any]:
    """Import a random release in one process, report on it in another."""
    write_random_release(place / "release", n_queries=n_queries)
    environment = {
        **os.environ,
        "LIKENESS_DATA": str(place / "data"),
        "DATABASE_URL": "",
        "SECRET_KEY": "of a measurement only",
        "DJANGO_SETTINGS_MODULE": "apps.config.settings.development",
    }
    (place / "data").mkdir()
    answers: dict[str, Any] = {}
    for step in ("import", "report"):
        done = subprocess.run(  # noqa: S603  our own interpreter and module
            [sys.executable, "-m", "apps.analytics.bench", step, str(place / "release")],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        answers |= json.loads(done.stdout.splitlines()[-1])
    return answers


def _import(release: Path) -> dict[str, Any]:
    from django.core.management import call_command
    from django.utils import timezone

    from apps.analytics.services.importing import import_study

    call_command("migrate", verbosity=0)
    started = time.perf_counter()
    import_study(path=release, imported_at=timezone.now())
    return {"import_seconds": time.perf_counter() - started}


def _report() -> dict[str, Any]:
    from django.urls import get_resolver

    from apps.analytics.figures import figures_of
    from apps.analytics.selectors.report import compute_report, report_json
    from apps.studies.models import Study

    _ = get_resolver().url_patterns  # what every web process loads
    study = Study.objects.get()
    seconds = []
    for _ in range(ROUNDS + 1):
        started = time.perf_counter()
        report = compute_report(study=study)
        json.dumps(report_json(report=report))
        seconds.append(time.perf_counter() - started)
        figures_of(report=report)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return {
        "seconds": min(seconds[1:]),
        "mib": pages * os.sysconf("SC_PAGE_SIZE") / 2**20,
        "judgments": report.counts["n_ratings"],
    }


if __name__ == "__main__":
    import django

    django.setup()
    answer = _import(Path(sys.argv[2])) if sys.argv[1] == "import" else _report()
    sys.stdout.write(json.dumps(answer) + "\n")
