import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute.resampling import QueryBootstrap, sample_sd


def bootstrap(seed=1, resamples=10_000):
    return QueryBootstrap(np.random.default_rng(seed), resamples=resamples)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([], None, id="none: undefined"),
        pytest.param([0.4], None, id="one: undefined"),
        pytest.param([0.0, 1.0], 0.5**0.5, id="divisor n - 1"),
        pytest.param([2.0, 2.0, 2.0], 0.0, id="no spread"),
    ],
)
def test_sample_sd(values, expected):
    assert sample_sd(np.asarray(values)) == (
        expected if expected is None else pytest.approx(expected)
    )


def test_every_resample_draws_as_many_queries_as_there_are():
    weights = bootstrap(resamples=2_500).weights(7)
    assert weights.shape == (2_500, 7)
    assert (weights.sum(axis=1) == 7).all()
    # Each query is drawn 7 * 1/7 = 1 time on average; the standard error here is about 0.02.
    assert np.abs(weights.mean(axis=0) - 1).max() < 0.1


def test_the_interval_of_a_mean_is_close_to_the_normal_one():
    values = np.linspace(0, 1, 101)[:, None]
    (low, high) = bootstrap().of_means(values)[0]
    half = 1.96 * values.std() / 101**0.5
    assert low == pytest.approx(0.5 - half, abs=0.01)
    assert high == pytest.approx(0.5 + half, abs=0.01)


def test_two_queries_give_the_interval_that_counting_gives():
    # Both draws are the first query in 1/4 of resamples, likewise the second: 0 and 1 are
    # beyond the 2.5 and 97.5 percentiles.
    assert bootstrap().of_means(np.array([[0.0], [1.0]]))[0] == (0.0, 1.0)


def test_a_ratio_weighs_queries_by_their_pairs():
    # 10 of 10 and 0 of 90: resampled ratios are 0, 0.1 or 1.
    low, high = bootstrap().of_ratios(np.array([[10.0], [0.0]]), np.array([[10.0], [90.0]]))[0]
    assert (low, high) == (0.0, 1.0)


def test_equal_and_unequal_divisors_take_the_same_way():
    values = np.arange(12.0)[:, None]
    plain = bootstrap(resamples=999).of_means(values)[0]
    # A second, constant column with other divisors must not change the first.
    both = bootstrap(resamples=999).of_ratios(
        np.hstack([values, np.ones((12, 1))]),
        np.hstack([np.ones((12, 1)), np.arange(1.0, 13.0)[:, None]]),
    )
    assert both[0] == pytest.approx(plain)


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_queries_have_no_interval(n):
    assert bootstrap(resamples=10).of_means(np.ones((n, 3))) == [None] * 3


@pytest.mark.parametrize(
    ("numerators", "denominators", "message"),
    [
        pytest.param(np.ones(3), np.ones(3), "2-D", id="not a table"),
        pytest.param(np.ones((3, 1)), np.ones((2, 1)), "one shape", id="shapes differ"),
        pytest.param(np.ones((2, 1)), np.array([[1.0], [0.0]]), "positive", id="divisor 0"),
    ],
)
def test_bad_input_is_refused(numerators, denominators, message):
    with pytest.raises(ValueError, match=message):
        bootstrap(resamples=10).of_ratios(numerators, denominators)


def test_resamples_must_be_at_least_one():
    with pytest.raises(ValueError, match="at least 1"):
        bootstrap(resamples=0)


@given(
    values=st.lists(st.integers(0, 20), min_size=2, max_size=12),
    data=st.data(),
)
def test_the_interval_does_not_depend_on_the_order_of_queries(values, data):
    moved = data.draw(st.permutations(values))
    one = bootstrap(resamples=200).of_means(np.array(values, float)[:, None])
    other = bootstrap(resamples=200).of_means(np.array(moved, float)[:, None])
    assert one == other


def test_what_else_is_computed_does_not_change_an_interval():
    values = np.arange(5.0)[:, None]
    alone = bootstrap(resamples=500).of_means(values)
    after = bootstrap(resamples=500)
    after.of_means(np.arange(9.0)[:, None])
    assert after.of_means(values) == alone
    assert bootstrap(seed=2, resamples=500).of_means(values) != alone
