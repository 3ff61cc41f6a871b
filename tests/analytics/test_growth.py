"""How time and memory of a report grow. Ratios within one run, never absolute times."""

import time
import tracemalloc

import pytest

from apps.analytics.selectors.report import compute_report
from tests.factories.analytics import make_big_study

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


def test_time_and_memory_grow_no_faster_than_the_study():
    sizes = {"small": 20, "large": 120}  # queries; judgments in proportion
    seconds, peaks = {}, {}
    for name, n_queries in sizes.items():
        study = make_big_study(name, n_queries=n_queries, n_judgments=150 * n_queries, depth=100)
        compute_report(study=study, resamples=10)  # imports and caches
        times = []
        for _ in range(3):
            start = time.process_time()
            compute_report(study=study, resamples=100)
            times.append(time.process_time() - start)
        seconds[name] = min(times)
        tracemalloc.start()
        report = compute_report(study=study, resamples=100)
        peaks[name] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert report.counts["n_ratings"] == 150 * n_queries
    growth = sizes["large"] / sizes["small"]
    # Six times the study: quadratic growth would cost 36 times, and a busy machine is noisy.
    assert seconds["large"] <= 3 * growth * seconds["small"]
    assert peaks["large"] <= 1.5 * growth * peaks["small"]
