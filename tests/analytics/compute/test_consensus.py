import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute.consensus import (
    consensus_levels,
    consensus_levels_half_even,
    is_half,
    summarise_consensus,
)

LEVELS = np.arange(1, 6)


def tally_of(*items):
    return np.array([[list(item).count(level) for level in LEVELS] for item in items])


@pytest.mark.parametrize(
    ("given_levels", "up", "even"),
    [
        pytest.param([4], 4, 4, id="judged once keeps its level"),
        pytest.param([2, 3], 3, 2, id="2.5: up to 3, even would be 2"),
        pytest.param([3, 4], 4, 4, id="3.5: both 4"),
        pytest.param([1, 2], 2, 2, id="1.5: both 2"),
        pytest.param([4, 5], 5, 4, id="4.5: up to 5, even would be 4"),
        pytest.param([1, 1, 2], 1, 1, id="1.33"),
        pytest.param([1, 2, 2], 2, 2, id="1.67"),
        pytest.param([2, 2, 3, 3], 3, 2, id="2.5 of four"),
        pytest.param([1] * 7, 1, 1, id="unanimous"),
    ],
)
def test_consensus(given_levels, up, even):
    tally = tally_of(given_levels)
    assert consensus_levels(tally, levels=LEVELS).tolist() == [up]
    assert consensus_levels_half_even(tally, levels=LEVELS).tolist() == [even]


def test_an_item_without_a_rating_is_refused():
    with pytest.raises(ValueError, match="no rating"):
        consensus_levels(np.zeros((1, 5), int), levels=LEVELS)


def test_summary():
    # Means 2.5, 2.5, 4.5, 3, 1.
    tally = tally_of([2, 3], [3, 2], [4, 5], [3, 3], [1])
    summary = summarise_consensus(tally, levels=LEVELS, relevant_from=3)
    assert summary.histogram == [1, 0, 3, 0, 1]
    assert summary.histogram_half_even == [1, 2, 1, 1, 0]
    assert (summary.n_relevant, summary.n_half) == (4, 3)
    assert (summary.n_rule_differs, summary.n_relevance_differs) == (3, 2)


def test_summary_of_nothing_counts_nothing():
    summary = summarise_consensus(np.zeros((0, 5), int), levels=LEVELS, relevant_from=3)
    assert summary.histogram == [0] * 5
    assert summary.n_relevant == 0


@given(st.lists(st.integers(1, 5), min_size=1, max_size=9))
def test_consensus_is_within_half_a_level_of_the_mean(levels):
    tally = tally_of(levels)
    mean = sum(levels) / len(levels)
    up = int(consensus_levels(tally, levels=LEVELS)[0])
    assert -0.5 <= mean - up < 0.5
    assert int(consensus_levels_half_even(tally, levels=LEVELS)[0]) == round(mean)
    assert bool(is_half(tally, levels=LEVELS)[0]) == (
        2 * sum(levels) % (2 * len(levels)) == len(levels)
    )
