"""`manage.py report`: the files, that they say the same, and that they stand alone."""

import csv
import json
import re

import pytest
from django.core.management import CommandError, call_command

from apps.analytics.latex import escape
from apps.analytics.selectors.report import COLUMNS
from tests.factories.analytics import make_judged_study

pytestmark = pytest.mark.django_db


def test_the_folder_holds_every_form_of_the_same_numbers(tmp_path, capsys):
    study = make_judged_study()
    study.name = "Thorax <b> & friends"
    study.is_simulated = True
    study.save()
    out = tmp_path / "report"
    call_command("report", study.slug, "--out", str(out))
    assert "Simulated" in capsys.readouterr().out
    names = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    figures = {"agreement", "model_curves", "model_matrix", "pool_unique", "precision"}
    assert names == {
        *(f"{table}.csv" for table in COLUMNS),
        "report.json",
        "report.html",
        "tables.tex",
        *(f"figures/{f}.{kind}" for f in figures for kind in ("svg", "png", "pdf", "vl.json")),
    }
    body = json.loads((out / "report.json").read_text())
    with (out / "agreement.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    as_text = [
        {k: "" if v is None else str(v) for k, v in row.items()} for row in body["agreement"]
    ]
    assert sorted(map(str, rows)) == sorted(map(str, as_text))
    with (out / "values.csv").open(newline="") as file:
        values = list(csv.DictReader(file))
    keys = [(row["family"], row["scope"], row["param"]) for row in values]
    assert keys == sorted(keys)
    assert len(set(keys)) == len(keys)
    undefined = {(row["family"], row["scope"], row["param"]) for row in body["undefined"]}
    assert undefined == {key for key, row in zip(keys, values, strict=True) if row["value"] == ""}
    page = (out / "report.html").read_text()
    assert "Thorax &lt;b&gt; &amp; friends" in page
    assert not re.search(r'(src|href)="(?!#)', page)
    assert page.count("<svg") == len(figures)
    assert "0.6923" in page  # 9 of 13 pairs agree on 12-345
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert "69.23 (" in (out / "tables.tex").read_text()


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    study = make_judged_study()
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(CommandError, match="not empty"):
        call_command("report", study.slug, "--out", str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_report_that_fails_leaves_nothing(tmp_path, monkeypatch):
    study = make_judged_study()
    monkeypatch.setattr("apps.analytics.rendering.SECONDS", 0.001)
    with pytest.raises(CommandError, match="longer than"):
        call_command("report", study.slug, "--out", str(tmp_path / "out"))
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_study_is_one_sentence(tmp_path):
    with pytest.raises(CommandError, match="no study 'none'"):
        call_command("report", "none", "--out", str(tmp_path / "out"))


def test_latex_prints_texts_as_they_are():
    assert escape(r"50 % of a_b & {c} \d~^#$") == (
        r"50 \% of a\_b \& \{c\} \textbackslash{}d\textasciitilde{}\textasciicircum{}\#\$"
    )
