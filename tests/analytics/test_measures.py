"""The table of measures, the report and the documentation name the same families."""

import re

import pytest

from apps.analytics import measures
from apps.analytics.release_format import VERSION
from apps.analytics.selectors.report import compute_report
from tests.factories.analytics import make_judged_study
from tests.program import ROOT

METRICS = (ROOT / "docs/metrics.md").read_text()


@pytest.mark.parametrize("family", measures.families())
def test_every_family_is_documented(family):
    assert f"`{family}`" in METRICS


def test_families_are_named_once():
    assert len(set(measures.families())) == len(measures.families())


@pytest.mark.django_db
def test_a_report_writes_the_families_of_the_table_and_no_other():
    report = compute_report(study=make_judged_study(), resamples=20)
    written = {row["family"] for row in report.tables["values"]}
    assert written == set(measures.families())


def test_every_section_says_its_empty_case_and_its_source():
    sections = re.split(r"\n### ", METRICS)[1:]
    assert len(sections) >= 6
    for heading in ("maa`, `maa_agree", "maa_pair", "CR`", "P`"):
        (section,) = [text for text in sections if text.startswith(f"`{heading}")]
        assert "Empty case:" in section
        assert "Source:" in section


def test_the_version_in_releases_is_the_program_s():
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()
