import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute.model_agreement import (
    common_result_ratio,
    common_results,
    grid_within,
)
from apps.analytics.compute.precision import NO_IMAGE
from apps.analytics.compute.resampling import QueryBootstrap


def rankings_of(*methods):
    """Each method is a list of rankings, one per query."""
    depth = max((len(row) for rows in methods for row in rows), default=0)
    return np.array(
        [[row + [NO_IMAGE] * (depth - len(row)) for row in rows] for rows in methods],
        np.int64,
    ).reshape(len(methods), len(methods[0]), depth)


def ratios(rankings, cutoffs):
    shared = common_results(rankings, cutoffs=cutoffs)
    estimates = common_result_ratio(
        np.stack([shared[0, 1]]),
        averaged=np.ones(rankings.shape[1], bool),
        cutoffs=cutoffs,
        bootstrap=QueryBootstrap(np.random.default_rng(1), resamples=100),
    )
    return estimates[0]


@pytest.mark.parametrize(
    ("one", "other", "cutoffs", "expected"),
    [
        pytest.param([[1, 2, 3]], [[1, 2, 3]], (1, 2, 3), [1, 1, 1], id="a method with itself"),
        pytest.param(
            [[1, 2, 3]], [[3, 2, 1]], (1, 2, 3), [0, 1 / 2, 1], id="order within n is free"
        ),
        pytest.param([[1, 2]], [[3, 4]], (1, 2), [0, 0], id="nothing in common"),
        pytest.param([[1, 2]], [[1, 3]], (1, 2), [1, 1 / 2], id="one shared result: 1 / n"),
        pytest.param([[1]], [[1, 2]], (1, 2), [1, 1 / 2], id="n stays the divisor for short lists"),
        pytest.param([[1, 2]], [[]], (1, 2), [0, 0], id="a missing list is empty"),
        pytest.param([[1, 2], [1, 2]], [[1, 2], [3, 4]], (2,), [1 / 2], id="the mean over queries"),
        pytest.param([[1, 2]], [[2, 1]], (5,), [2 / 5], id="n beyond every list"),
        pytest.param([[1], [2]], [[2], [1]], (1,), [0], id="results of another query do not count"),
    ],
)
def test_common_result_ratio(one, other, cutoffs, expected):
    estimates = ratios(rankings_of(one, other), cutoffs)
    assert [estimate.value for estimate in estimates] == pytest.approx(expected)


def test_spread_is_over_queries():
    (estimate,) = ratios(rankings_of([[1], [2]], [[1], [3]]), (1,))
    assert (estimate.value, estimate.n_queries) == (0.5, 2)
    assert estimate.sd == pytest.approx(0.5**0.5)


def test_without_queries_it_is_undefined():
    estimates = common_result_ratio(
        np.zeros((1, 2, 2), np.int64),
        averaged=np.zeros(2, bool),
        cutoffs=(1, 2),
        bootstrap=QueryBootstrap(np.random.default_rng(1), resamples=10),
    )
    assert [estimate.value for estimate in estimates[0]] == [None, None]


def test_methods_without_any_result():
    shared = common_results(np.zeros((2, 3, 0), np.int64), cutoffs=(1, 5))
    assert shared[0, 1].tolist() == [[0, 0]] * 3
    assert grid_within(0) == ()


def test_an_image_twice_in_a_ranking_is_refused():
    with pytest.raises(ValueError, match="twice"):
        common_results(rankings_of([[1, 1]], [[1, 2]]), cutoffs=(1,))


@pytest.mark.parametrize(
    ("depth", "grid"),
    [
        pytest.param(1, (1,), id="one result"),
        pytest.param(12, (1, 2, 3, 5, 10), id="between two steps"),
        pytest.param(500, (1, 2, 3, 5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500), id="all"),
    ],
)
def test_grid(depth, grid):
    assert grid_within(depth) == grid


lists = st.lists(st.integers(0, 12), unique=True, max_size=8)


@given(rows=st.lists(st.tuples(lists, lists, lists), min_size=1, max_size=4))
def test_one_pass_equals_the_definition_and_is_symmetric(rows):
    rankings = rankings_of(*[[row[method] for row in rows] for method in range(3)])
    depth = rankings.shape[2]
    cutoffs = range(1, depth + 1)
    shared = common_results(rankings, cutoffs=cutoffs)
    swapped = common_results(rankings[[1, 0, 2]], cutoffs=cutoffs)
    for a, b in ((0, 1), (0, 2), (1, 2)):
        for query, row in enumerate(rows):
            for n in range(1, depth + 1):
                expected = len(set(row[a][:n]) & set(row[b][:n]))
                assert shared[a, b][query, n - 1] == expected
    assert (shared[0, 1] == swapped[0, 1]).all()
    assert (shared[0, 2] == swapped[1, 2]).all()
