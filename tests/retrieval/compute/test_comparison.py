import numpy as np
import pytest

from apps.analytics.compute.model_agreement import common_results
from apps.retrieval.compute.comparison import common_ratios


@pytest.mark.parametrize(
    ("a", "b", "n", "expected"),
    [
        pytest.param([1, 2, 3], [3, 2, 1], 3, 1.0, id="the same three in another order"),
        pytest.param([1, 2, 3], [3, 2, 1], 1, 0.0, id="other images at rank 1"),
        pytest.param([1, 2, 3, 4], [9, 1, 2, 8], 4, 0.5, id="two of four"),
        pytest.param([1], [1, 2, 3, 4, 5], 5, 0.2, id="n stays the divisor of a short list"),
        pytest.param([], [1, 2], 5, 0.0, id="an empty list shares nothing"),
    ],
)
def test_the_share_of_common_results(a, b, n, expected):
    assert common_ratios(rankings={"a": a, "b": b}, cutoffs=[n]) == {("a", "b"): [expected]}


def test_pairs_come_in_the_order_of_the_methods():
    found = common_ratios(rankings={"z": [1], "a": [2], "m": [1]}, cutoffs=[1])
    assert found == {("z", "a"): [0.0], ("z", "m"): [1.0], ("a", "m"): [0.0]}
    assert common_ratios(rankings={"z": [1]}, cutoffs=[1]) == {}


def test_it_is_the_measure_of_the_report():
    rng = np.random.default_rng(5)
    rankings = np.array([rng.permutation(80)[:50] for _ in range(3)])
    cutoffs = (5, 10, 20, 50)
    ours = common_ratios(
        rankings={name: rankings[row].tolist() for row, name in enumerate("abc")}, cutoffs=cutoffs
    )
    shared = common_results(rankings[:, np.newaxis, :].astype(np.int64), cutoffs=cutoffs)
    for (a, b), counts in shared.items():
        assert ours["abc"[a], "abc"[b]] == (counts[0] / np.array(cutoffs)).tolist()


@pytest.mark.parametrize(
    ("rankings", "cutoffs", "sentence"),
    [
        ({"a": [1, 1], "b": [2]}, [1], "names an image twice"),
        ({"a": [1], "b": [2]}, [0], "at least 1"),
    ],
)
def test_what_makes_no_sense_is_refused(rankings, cutoffs, sentence):
    with pytest.raises(ValueError, match=sentence):
        common_ratios(rankings=rankings, cutoffs=cutoffs)
