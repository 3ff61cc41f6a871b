"""A release says all of a study: what it holds, and that reading it back changes nothing."""

import csv
import hashlib
import json
import struct
from itertools import pairwise
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from apps.analytics.selectors.report import compute_report, report_json
from apps.analytics.services import export
from apps.analytics.services.export import export_study
from apps.analytics.services.importing import import_study
from apps.assessment.models import Judgment, Task
from apps.assessment.services import recount_progress
from apps.catalog.models import Image
from apps.studies.models import Study
from tests.factories.analytics import make_awkward_study, make_judged_study

pytestmark = pytest.mark.django_db


def exported(make, folder: Path, blocker) -> Path:
    """A release of a study that is gone afterwards; made once, for all tests that only read it."""
    with blocker.unblock(), transaction.atomic():
        export_study(study=make(), folder=folder)
        transaction.set_rollback(True)
    return folder


@pytest.fixture(scope="module")
def plain(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain") / "out"
    return exported(make_judged_study, folder, django_db_blocker)


@pytest.fixture(scope="module")
def awkward(django_db_setup, django_db_blocker, tmp_path_factory):
    folder = tmp_path_factory.mktemp("awkward") / "out"
    return exported(make_awkward_study, folder, django_db_blocker)


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("release", ["plain", "awkward"])
def test_export_after_import_is_byte_identical(tmp_path, request, release):
    folder = request.getfixturevalue(release)
    imported = import_study(path=folder, slug="copy", imported_at=timezone.now())
    assert imported.placeholder  # its images are unknown here
    export_study(study=imported.study, folder=tmp_path / "again")
    assert files_of(tmp_path / "again") == files_of(folder)


def test_a_collection_that_is_here_is_used_again(awkward):
    study = make_awkward_study()
    before = Image.objects.count()
    imported = import_study(path=awkward, slug="copy", imported_at=timezone.now())
    assert not imported.placeholder
    assert imported.study.collection == study.collection
    assert Image.objects.count() == before
    # One image more, or one screened out, and it is another collection.
    Image.objects.filter(collection=study.collection, ordinal=2).update(excluded="chart")
    assert import_study(path=awkward, slug="third", imported_at=timezone.now()).placeholder


def test_state_history_and_plan_survive(awkward):
    study = make_awkward_study()
    copy = import_study(path=awkward, slug="copy", imported_at=timezone.now()).study
    words = (
        "state scale aggregations relevance methods depth ranking_depth overlap seed "
        "is_simulated provenance created_at description protocol"
    )
    for name in words.split():
        assert getattr(copy, name) == getattr(study, name), name
    assert Judgment.objects.of_study(copy).count() == Judgment.objects.of_study(study).count()
    revised = Judgment.objects.of_study(copy).get(revision=3)
    assert (revised.unjudgeable, revised.level) == ("no_image: broken, “so”", None)
    assert revised.revises.level == 4
    assert revised.revises.revises.note == "=HYPERLINK(1)"
    # The counts that an assessor's page shows.
    assert sum(copy.participants.values_list("n_tasks", flat=True)) > 0
    assert recount_progress(study=copy) == 0

    def tasks(of):
        return set(
            Task.objects.filter(assignment__query__study=of).values_list(
                "assignment__participant__pseudonym",
                "assignment__query__query_id",
                "assignment__position",
                "entry__image__image_id",
            )
        )

    assert tasks(copy) == tasks(study)
    assert report_json(report=compute_report(study=copy, resamples=50)) == report_json(
        report=compute_report(study=study, resamples=50)
    )
    person = copy.participants.get(pseudonym="=A1")
    assert not person.user.is_active
    assert not person.user.has_usable_password()
    assert person.user.is_simulated
    assert person.groups == ["MD", "Ärzte"]


def test_every_file_stands_with_its_checksum(plain):
    files = files_of(plain)
    study = json.loads(files.pop("study.json"))
    assert study["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    names = (
        "images.csv queries.csv assessors.csv assignments.csv judgments.csv judgment_history.csv "
        "pools.csv runs/cld.run runs/ehd.run qrels/graded.qrels qrels/12-345.qrels "
        "qrels/judges.qrels report/values.csv report/report.html report/tables.tex croissant.json"
    )
    for name in names.split():
        assert name in files, name
    assert "captions.csv" not in files  # there are none


@pytest.mark.parametrize(
    ("file", "columns"),
    [
        ("images.csv", "image_id,file_name,sha256,width,height,excluded"),
        ("captions.csv", "image_id,caption"),
        ("queries.csv", "query_id,category,image_id"),
        ("assessors.csv", "assessor,groups"),
        ("assignments.csv", "assessor,query_id,common"),
        (
            "judgments.csv",
            "query_id,image_id,assessor,level,status,active_ms,hidden_ms,sequence,submitted_at,"
            "revision,guideline_version",
        ),
        (
            "judgment_history.csv",
            "query_id,image_id,assessor,level,status,active_ms,hidden_ms,sequence,submitted_at,"
            "revision,guideline_version",
        ),
        ("pools.csv", "query_id,image_id,method,rank,score"),
        ("report/values.csv", "family,scope,param,value"),
        (
            "report/agreement.csv",
            "category,aggregation,measure,value,sd,ci_low,ci_high,n_items,n_pairs",
        ),
        (
            "report/assessor_pairs.csv",
            "category,aggregation,assessor_a,assessor_b,measure,value,n_items",
        ),
        (
            "report/model_agreement.csv",
            "category,measure,n,method_a,method_b,value,sd,ci_low,ci_high,n_queries",
        ),
        (
            "report/precision.csv",
            "category,method,measure,value,ci_low,ci_high,n_queries,judged",
        ),
    ],
)
def test_columns_are_the_agreed_ones_and_rows_are_sorted(awkward, file, columns):
    text = (awkward / file).read_bytes().decode()
    assert text.startswith(columns)
    assert text.endswith("\n")
    keys = [
        tuple(value.removeprefix("'") for value in list(row.values())[:3])
        for row in rows_of(awkward / file)
    ]
    if "report" not in file:
        assert keys == sorted(keys)


def test_texts_that_a_spreadsheet_would_run_are_made_safe(awkward):
    for path in awkward.rglob("*.csv"):
        for row in rows_of(path):
            for column, value in row.items():
                if value.startswith(("=", "+", "@", "\t", "\r")):
                    raise AssertionError((path.name, column, value))
                if value.startswith("-"):
                    float(value)  # a negative number stays one
    assert {row["image_id"] for row in rows_of(awkward / "images.csv")} >= {"'=1+1.png", "'-5.png"}
    scores = [row["score"] for row in rows_of(awkward / "pools.csv")]
    assert "-1e-30" in scores


def test_judgments_are_the_current_ones_and_the_history_has_all(awkward):
    current = {
        (row["query_id"], row["image_id"], row["assessor"]): row
        for row in rows_of(awkward / "judgments.csv")
    }
    revised = current["'+2", "'-5.png", "'=A1"]
    assert (revised["level"], revised["status"]) == ("", "unjudgeable:no_image: broken, “so”")
    assert revised["revision"] == "3"
    assert revised["submitted_at"] == "2026-03-01T12:00:02Z"
    history = rows_of(awkward / "judgment_history.csv")
    levels = [row["level"] for row in history if row["image_id"] == "'-5.png"]
    assert levels == ["5", "4", "", "2"]
    assert len(history) == len(current) + 3


def test_scores_of_runs_fall_strictly_also_as_32_bit_floats(awkward):
    lines = [line.split(" ") for line in (awkward / "runs/cld.run").read_text().splitlines()]
    assert all(len(line) == 6 for line in lines)
    by_query: dict[str, list[list[str]]] = {}
    for line in lines:
        by_query.setdefault(line[0], []).append(line)
    assert set(by_query) == {"q%201%25", "+2"}
    for ranked in by_query.values():
        assert [line[3] for line in ranked] == [str(n) for n in range(1, len(ranked) + 1)]
        scores = [struct.unpack("f", struct.pack("f", float(line[4])))[0] for line in ranked]
        assert all(a > b for a, b in pairwise(scores))
    assert [line[2] for line in by_query["q%201%25"]] == ["ein%20Bild.png", "-5.png", "=1+1.png"]


def test_qrels_hold_the_consensus_less_one(plain):
    graded = (plain / "qrels/graded.qrels").read_text().splitlines()
    # q1: means 4.5, 2.5, 1, 3 of images 1, 2, 4, 5, rounded half up.
    assert graded[:4] == [
        "q1 0 0001.png 4",
        "q1 0 0002.png 2",
        "q1 0 0004.png 0",
        "q1 0 0005.png 2",
    ]
    binary = (plain / "qrels/12-345.qrels").read_text().splitlines()
    assert binary[:4] == [
        "q1 0 0001.png 1",
        "q1 0 0002.png 1",
        "q1 0 0004.png 0",
        "q1 0 0005.png 1",
    ]
    judges = (plain / "qrels/judges.qrels").read_text().splitlines()
    assert judges[:2] == ["q1 A01 0001.png 4", "q1 A01 0002.png 1"]


def test_trec_eval_finds_the_same_on_the_exported_files(plain):
    import ir_measures
    from ir_measures import AP, Bpref, Judged, P, nDCG

    gains = nDCG(gains={0: 0, 1: 0, 2: 1, 3: 2, 4: 3}) @ 5

    study = make_judged_study()
    report = compute_report(study=study, resamples=50)
    qrels = list(ir_measures.read_trec_qrels(str(plain / "qrels/12-345.qrels")))
    for method in study.methods:
        run = list(ir_measures.read_trec_run(str(plain / f"runs/{method}.run")))
        theirs = ir_measures.calc_aggregate([P @ 5, P @ 10, Judged @ 5], qrels, run)
        ours = {
            row["measure"]: row
            for row in report.tables["precision"]
            if row["category"] == "all" and row["method"] == method
        }
        assert theirs[P @ 5] == pytest.approx(ours["P@5"]["value"])
        assert theirs[P @ 10] == pytest.approx(ours["P@10"]["value"])
        whole = ir_measures.calc_aggregate([AP, Bpref], qrels, run)
        assert whole[AP] == pytest.approx(ours["AP"]["value"], abs=1e-4)
        assert whole[Bpref] == pytest.approx(ours["bpref"]["value"], abs=1e-4)
        graded = list(ir_measures.read_trec_qrels(str(plain / "qrels/graded.qrels")))
        by_grade = ir_measures.calc_aggregate([P(rel=2) @ 5], graded, run)
        assert by_grade[P(rel=2) @ 5] == pytest.approx(ours["P@5"]["value"])
        graded_gain = ir_measures.calc_aggregate([gains], graded, run)
        assert graded_gain[gains] == pytest.approx(ours["nDCG@5"]["value"], abs=1e-4)


def test_people_go_on_judging_while_a_release_is_written(tmp_path, monkeypatch, plain):
    study = make_judged_study()
    written = export.write_report_files

    def judge_meanwhile(**options):
        task = Task.objects.filter(assignment__query__study=study).first()
        last = task.judgments.get()
        Judgment.objects.create(
            uuid="00000000-0000-0000-0000-0000000000ff",
            task=task,
            participant=task.assignment.participant,
            level=1,
            submitted_at=timezone.now(),
            sequence=99,
            revision=2,
            revises=last,
        )
        written(**options)

    monkeypatch.setattr(export, "write_report_files", judge_meanwhile)
    export_study(study=study, folder=tmp_path / "during")
    assert files_of(tmp_path / "during") == files_of(plain)


@pytest.mark.django_db(transaction=True)
def test_a_release_is_written_outside_a_transaction_of_the_caller(tmp_path, plain):
    export_study(study=make_judged_study(), folder=tmp_path / "out")
    assert files_of(tmp_path / "out") == files_of(plain)


def test_names_only_when_asked_for(tmp_path, plain):
    export_study(study=make_judged_study(), folder=tmp_path / "named", names=True)
    for path, content in files_of(plain).items():
        assert b"Doctor" not in content, path
    assert [row["assessor"] for row in rows_of(tmp_path / "named/assessors.csv")] == [
        "Doctor A01",
        "Doctor A02",
    ]
    copy = import_study(path=tmp_path / "named", slug="copy", imported_at=timezone.now()).study
    export_study(study=copy, folder=tmp_path / "again", names=True)
    assert files_of(tmp_path / "again") == files_of(tmp_path / "named")


def test_croissant_describes_every_table(awkward):
    described = json.loads((awkward / "croissant.json").read_text())
    assert described["conformsTo"][0] == "http://mlcommons.org/croissant/1.1"
    assert any(key.startswith("rai:") for key in described)
    assert "Simulated" in described["rai:dataLimitations"]
    files = {item["@id"]: item for item in described["distribution"]}
    for name, item in files.items():
        content = (awkward / name).read_bytes()
        assert item["sha256"] == hashlib.sha256(content).hexdigest()
        assert item["contentSize"] == f"{len(content)} B"
    for records in described["recordSet"]:
        for field in records["field"]:
            file = field["source"]["fileObject"]["@id"]
            header = (awkward / file).read_text().split("\n")[0].split(",")
            assert field["source"]["extract"]["column"] in header


def test_commands_write_and_read(tmp_path, capsys):
    study = make_judged_study()
    call_command("export_study", study.slug, "--out", str(tmp_path / "out"))
    assert "26 judgments" in capsys.readouterr().out
    with pytest.raises(CommandError, match="not empty"):
        call_command("export_study", study.slug, "--out", str(tmp_path / "out"))
    with pytest.raises(CommandError, match="give another --slug"):
        call_command("import_study", str(tmp_path / "out"))
    call_command("import_study", str(tmp_path / "out"), "--slug", "copy")
    assert "Imported Thorax as copy" in capsys.readouterr().out
    assert Study.objects.get(slug="copy").queries.count() == 3


def test_an_export_that_fails_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("apps.analytics.rendering.SECONDS", 0.001)
    with pytest.raises(CommandError):
        call_command("export_study", make_judged_study().slug, "--out", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []
