"""The measurement itself: what it measures on, and that it says what the design promises."""

import pytest
from django.utils import timezone

from apps.analytics.bench import QUERIES, report_of_the_papers_size, write_random_release
from apps.analytics.selectors.report import compute_report
from apps.analytics.services.importing import import_study


@pytest.mark.django_db
def test_the_random_release_is_a_study_like_the_paper_s_but_smaller(tmp_path):
    write_random_release(tmp_path / "release", n_queries=10)
    study = import_study(path=tmp_path / "release", imported_at=timezone.now()).study
    report = compute_report(study=study, resamples=10)
    assert report.counts["n_queries"] == 10
    # Nine queries judged once and one by four: 13 pools' worth, 174 pairs of each at most.
    assert 0.9 * 13 * 174 <= report.counts["n_ratings"] <= 13 * 174
    assert report.counts["n_rating_pairs"] > 0
    assert pytest.approx(45_360, rel=0.01) == 1.3 * QUERIES * 174


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_every_promise_of_the_design_has_its_line():
    lines = {line.name: line for line in report_of_the_papers_size(quick=True)}
    assert len(lines) == 4
    assert {line.bound for line in lines.values()} >= {"<= 1", "<= 150"}
    assert all(line.value > 0 for line in lines.values() if "exponent" not in line.name)
