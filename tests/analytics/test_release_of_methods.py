"""Fusions and foreign methods in the report and the release, beside the methods of the registry."""

import io
import json
from pathlib import Path

import pytest
from django.utils import timezone

from apps.analytics.selectors.report import compute_report
from apps.analytics.services.export import export_study
from apps.analytics.services.importing import import_study
from apps.assessment.models import Task
from apps.assessment.services import import_run
from apps.retrieval.models import PoolEntry, PoolSource
from apps.studies.models import Study
from tests.analytics.test_release import files_of, rows_of
from tests.factories import NOON
from tests.factories.analytics import add_ranking, make_judged_study

pytestmark = pytest.mark.django_db

FUSION = "rrf(cld+ehd)"


@pytest.fixture
def study() -> Study:
    """The judged study with a fusion of its methods, a run in the pools and one beside them."""
    study = make_judged_study()
    study.methods = ["cld", "ehd", FUSION]
    study.save()
    for query_id, found in {"q1": "1 2 4", "q2": "1 4 2", "q3": "1 2 3"}.items():
        query = study.queries.get(query_id=query_id)
        ranking = add_ranking(query, FUSION, [f"000{n}.png" for n in found.split()])
        for rank, (image, score) in enumerate(
            zip(ranking.images, ranking.scores, strict=True), start=1
        ):
            entry = PoolEntry.objects.get(query=query, image=image)
            PoolSource.objects.create(entry=entry, method=FUSION, rank=rank, score=score)
    add(study, "q1 Q0 0001.png 1 2 my-run\nq1 Q0 0006.png 2 1 my-run\n")
    add(study, "q2 Q0 0001.png 1 2 quiet\nq2 Q0 0000.png 2 1 quiet\n", in_pools=False)
    study.refresh_from_db()
    return study


def add(study: Study, text: str, **options) -> None:
    import_run(
        study=study,
        file=io.BytesIO(text.encode()),
        file_name="a.run",
        imported_at=NOON,
        imported_by=None,
        **options,
    )


def test_they_are_exported_and_read_back_byte_for_byte(study, tmp_path: Path):
    export_study(study=study, folder=tmp_path / "one")
    files = files_of(tmp_path / "one")
    assert files[f"runs/{FUSION}.run"].decode().startswith(f"q1 Q0 0001.png 1 -1.0 {FUSION}\n")
    assert files["runs/my-run.run"].decode() == (
        "q1 Q0 0001.png 1 2.0 my-run\nq1 Q0 0006.png 2 1.0 my-run\n"
    )
    assert {row["method"] for row in rows_of(tmp_path / "one" / "pools.csv")} == {
        "cld",
        "ehd",
        FUSION,
        "my-run",
    }
    design = json.loads(files["study.json"])
    assert design["methods"] == ["cld", "ehd", FUSION, "my-run", "quiet"]
    assert [(run["method"], run["in_pools"]) for run in design["foreign_runs"]] == [
        ("my-run", True),
        ("quiet", False),
    ]
    described = json.loads(files["croissant.json"])["rai:dataCollection"]
    assert f"cld, ehd, {FUSION}, my-run were pooled" in described

    copy = import_study(path=tmp_path / "one", slug="copy", imported_at=timezone.now()).study
    assert set(copy.foreign_runs.values_list("method", "sha256")) == set(
        study.foreign_runs.values_list("method", "sha256")
    )
    assert copy.foreign_runs.get(method="my-run").rankings.get().query_id == "q1"
    export_study(study=copy, folder=tmp_path / "two")
    assert files_of(tmp_path / "two") == files


def test_they_are_reported_on_like_any_other(study):
    report = compute_report(study=study, resamples=50)
    precision = {
        (row["method"], row["measure"]): row
        for row in report.tables["precision"]
        if row["category"] == "all"
    }
    # q1 finds 0001 (consensus 5), q2 finds 0004 (5): my-run one of 15 places, judged 1 of 15.
    assert precision["my-run", "P@5"]["value"] == pytest.approx(1 / 15)
    assert precision["my-run", "P@5"]["judged"] == pytest.approx(1 / 15)
    # 0001 of q2 has consensus 2 (1.5 rounded up); 0000 was not judged.
    assert precision["quiet", "P@5"]["value"] == 0
    assert precision["quiet", "P@5"]["judged"] == pytest.approx(1 / 15)
    assert precision[FUSION, "P@5"]["judged"] == pytest.approx(9 / 15)
    shared = {
        (row["method_a"], row["method_b"], row["n"]): row["value"]
        for row in report.tables["model_agreement"]
        if row["measure"] == "CR" and row["category"] == "all"
    }
    # First results: cld and the fusion share those of all three queries, my-run that of q1.
    assert shared["cld", FUSION, 1] == 1
    assert shared["cld", "my-run", 1] == pytest.approx(1 / 3)
    found = {
        row["method"]: (row["n_found"], row["n_unique"])
        for row in report.pool["by_method"]
        if row["category"] == "all"
    }
    assert found[FUSION] == (9, 0)
    assert found["my-run"] == (2, 1)  # 0006 of q1 is new
    assert found["quiet"] == (0, 0)


def test_runs_from_anywhere_become_runs_of_the_study(tmp_path: Path):
    """A release that says nothing of its runs: names that are not ours are foreign methods."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "study.json").write_text('{"name": "Any"}')
    (tmp_path / "queries.csv").write_text("query_id,image_id\nq1,one.png\n")
    (tmp_path / "runs" / "bm25.run").write_text("q1 Q0 two.png 1 0.5 t\n")
    (tmp_path / "runs" / "cld.run").write_text("q1 Q0 two.png 1 0.5 t\n")
    study = import_study(path=tmp_path, slug="any", imported_at=NOON).study
    run = study.foreign_runs.get()
    assert (run.method, run.file_name, run.n_lines, run.in_pools) == ("bm25", "bm25.run", 1, True)
    assert study.methods == ["bm25", "cld"]


def test_a_study_that_grew_exports_what_is_left_to_judge(study, tmp_path: Path):
    n_open = Task.objects.filter(assignment__query__study=study, judgments__isnull=True).count()
    assert n_open == 2  # 0006 of q1, for two assessors
    export_study(study=study, folder=tmp_path / "one")
    copy = import_study(path=tmp_path / "one", slug="copy", imported_at=timezone.now()).study
    open_tasks = Task.objects.filter(assignment__query__study=copy, judgments__isnull=True)
    assert open_tasks.count() == 2
