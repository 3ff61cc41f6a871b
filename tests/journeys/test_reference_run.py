"""The reference run on a few hundred of its images, with ResNet-18: the same script, smaller."""

import csv
import json
import subprocess
import sys

import pytest

from tests.program import ROOT

pytestmark = [pytest.mark.journey, pytest.mark.slow]

IMAGES = 220
RELEVANT_IF_SAME = ("case", "label", "location")  # levels 5, 4 and 3


@pytest.fixture(scope="module")
def run(shared, tmp_path_factory):
    """The folder that the run worked in, and what it printed."""
    work = tmp_path_factory.mktemp("reference")
    command = [sys.executable, "scripts/reference_run.py", "--work", work, "--images", IMAGES]
    command += ["--data", shared / "data", "--weights", shared / "weights"]
    done = subprocess.run(
        [*map(str, command), "--backbone", "resnet18"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return work, done.stdout


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_method_finds_more_than_chance(run):
    work, _ = run
    precision = {
        (row["method"], row["measure"]): float(row["value"])
        for row in rows(work / "release" / "report" / "precision.csv")
        if row["category"] == "all"
    }
    chance = share_of_relevant(work)
    assert 0 < chance < 0.15
    assert {method for method, _ in precision} >= {"r_full", "r_sum", "r_max", "gf", "cw"}
    for method in ("r_full", "r_sum", "r_max"):
        assert precision[method, "P@5"] > 1.5 * chance


def share_of_relevant(work):
    """What a method that draws at random would reach: the mean share of a query's own kind."""
    images = {row["image_id"]: row for row in rows(work / "inputs" / "manifest.csv")}
    taking_part = [
        images[row["image_id"]]
        for row in rows(work / "release" / "images.csv")
        if not row["excluded"]
    ]
    shares = []
    for query in rows(work / "release" / "queries.csv"):
        own = images[query["image_id"]]
        others = [image for image in taking_part if image is not own]
        alike = [
            any(own[column] and own[column] == image[column] for column in RELEVANT_IF_SAME)
            for image in others
        ]
        shares.append(sum(alike) / len(others))
    return sum(shares) / len(shares)


def test_the_three_aggregations_disagree_as_in_the_paper(run):
    work, _ = run
    common = {
        (row["method_a"], row["method_b"]): float(row["value"])
        for row in rows(work / "release" / "report" / "model_agreement.csv")
        if (row["category"], row["measure"], row["n"]) == ("all", "CR", "10")
    }
    pairs = [common[key] for key in common if {*key} <= {"r_full", "r_sum", "r_max"}]
    assert len(pairs) == 3
    assert all(0 < value < 0.9 for value in pairs)


def test_labels_that_stand_in_for_people_are_marked_everywhere(run):
    work, printed = run
    release = work / "release"
    study = json.loads((release / "study.json").read_text(encoding="utf-8"))
    assert "labels" in json.dumps(study)
    report = json.loads((release / "report" / "report.json").read_text(encoding="utf-8"))
    assert any("abels" in notice["text"] for notice in report["notices"])
    assert "stand in for people" in (release / "report" / "report.html").read_text("utf-8")
    assert "No person judged here" in printed


def test_screened_images_are_in_no_pool(run):
    work, _ = run
    excluded = {r["image_id"] for r in rows(work / "release" / "images.csv") if r["excluded"]}
    screened = {row["image_id"] for row in rows(work / "inputs" / "screening.csv")}
    assert screened
    assert screened <= excluded
    assert not screened & {row["image_id"] for row in rows(work / "release" / "pools.csv")}
