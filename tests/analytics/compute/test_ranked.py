"""Measures of ranked lists: tables counted by hand, and what trec_eval makes of the same lists."""

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, Bpref, nDCG

from apps.analytics.compute.precision import NO_IMAGE
from apps.analytics.compute.ranked import (
    average_precision,
    bpref,
    graded_rankings,
    mean_over_queries,
    ndcg,
    rank_biased_precision,
)
from apps.analytics.compute.resampling import QueryBootstrap

N_IMAGES = 50
LOG3 = np.log2(3)


def graded_of(lists, judged):
    """`judged` maps (query, image) to a gain; lists are of images."""
    depth = max(map(len, lists), default=0)
    rows = [row + [NO_IMAGE] * (depth - len(row)) for row in lists]
    keys = sorted(query * N_IMAGES + image for query, image in judged)
    return graded_rankings(
        np.array(rows, np.int64).reshape(len(lists), depth),
        items=np.array(keys, np.int64),
        gains=np.array([judged[divmod(key, N_IMAGES)] for key in keys], np.int64),
        n_images=N_IMAGES,
    )


@pytest.mark.parametrize(
    ("results", "judged", "expected"),
    [
        pytest.param([1, 2], {1: 3, 2: 1}, [1.0, 1.0], id="the best order"),
        # (1 + 3 / log2 3) / (3 + 1 / log2 3); at 1: 1 / 3.
        pytest.param(
            [2, 1], {1: 3, 2: 1}, [1 / 3, (1 + 3 / LOG3) / (3 + 1 / LOG3)], id="the other way round"
        ),
        pytest.param([9, 1], {1: 2}, [0.0, 1 / LOG3], id="an unjudged result gains nothing"),
        pytest.param([1], {1: 1, 2: 1}, [1.0, 1 / (1 + 1 / LOG3)], id="a short list"),
        pytest.param([1, 2], {1: 0, 2: 0}, [0.0, 0.0], id="nothing is relevant: 0"),
    ],
)
def test_ndcg(results, judged, expected):
    graded = graded_of([results], {(0, image): gain for image, gain in judged.items()})
    assert ndcg(graded, cutoffs=(1, 2))[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("results", "judged", "ap", "pref", "rbp"),
    [
        # Relevant at ranks 1 and 3 of two: (1 + 2/3) / 2. One wrong judged above the second, R = 2,
        # N = 1: (1 + (1 - 1/1)) / 2. RBP 0.2 (1 + 0.64).
        pytest.param([1, 2, 3], {1: 1, 2: 0, 3: 2}, 5 / 6, 1 / 2, 0.2 * 1.64, id="one wrong"),
        pytest.param([1, 2, 3], {1: 1, 3: 1}, 5 / 6, 1.0, 0.2 * 1.64, id="one unjudged"),
        # A relevant image that is not found counts in the divisor.
        pytest.param([1], {1: 1, 2: 1}, 1 / 2, 1 / 2, 0.2, id="one not found"),
        # R = 1, N = 3: min(2, 1) / min(3, 1) = 1.
        pytest.param(
            [1, 2, 3, 4], {1: 0, 2: 0, 3: 1, 4: 0}, 1 / 3, 0.0, 0.2 * 0.64, id="two above"
        ),
        pytest.param([1], {1: 0}, 0.0, 0.0, 0.0, id="nothing is relevant: 0"),
        pytest.param([], {1: 1}, 0.0, 0.0, 0.0, id="nothing found: 0"),
    ],
)
def test_whole_lists(results, judged, ap, pref, rbp):
    graded = graded_of([results], {(0, image): gain for image, gain in judged.items()})
    assert average_precision(graded)[0, 0] == pytest.approx(ap)
    assert bpref(graded)[0, 0] == pytest.approx(pref)
    assert rank_biased_precision(graded)[0, 0] == pytest.approx(rbp)


def test_relevance_belongs_to_the_query():
    graded = graded_of([[1], [1]], {(0, 1): 2, (1, 2): 1})
    assert graded.gains.tolist() == [[2], [-1]]
    assert graded.n_relevant.tolist() == [1, 1]
    assert average_precision(graded).ravel().tolist() == [1.0, 0.0]


def test_a_ranking_that_names_an_image_twice_is_refused():
    with pytest.raises(ValueError, match="twice"):
        graded_of([[1, 1]], {(0, 1): 1})


def test_means_are_over_judged_queries_and_undefined_without_one():
    values, judged = np.array([[1.0], [0.0], [0.5]]), np.array([[1.0], [0.5], [0.0]])
    bootstrap = QueryBootstrap(np.random.default_rng(1), resamples=50)
    averaged = np.array([True, True, False])
    (found,) = mean_over_queries(values, averaged=averaged, judged=judged, bootstrap=bootstrap)
    assert (found.value, found.n_queries, found.judged) == (0.5, 2, 0.75)
    assert found.sd == pytest.approx(0.5**0.5)
    (none,) = mean_over_queries(
        values, averaged=~averaged & averaged, judged=judged, bootstrap=bootstrap
    )
    assert none.value is None
    assert none.reason == "no query is judged"


lists = st.lists(st.permutations(range(8)).map(lambda order: order[:6]), min_size=1, max_size=3)
grades = st.dictionaries(
    st.tuples(st.integers(0, 2), st.integers(0, 9)), st.integers(0, 3), min_size=1
)


@given(results=lists, judged=grades)
def test_as_trec_eval_has_it(results, judged):
    judged = {pair: gain for pair, gain in judged.items() if pair[0] < len(results)}
    if not judged:
        return
    graded = graded_of([list(row) for row in results], judged)
    run = [
        ir_measures.ScoredDoc(f"q{query}", f"i{image}", -rank)
        for query, row in enumerate(results)
        for rank, image in enumerate(row)
    ]
    qrels = [ir_measures.Qrel(f"q{q}", f"i{image}", gain) for (q, image), gain in judged.items()]
    theirs = {
        (one.query_id, one.measure): one.value
        for one in ir_measures.iter_calc([nDCG @ 3, AP, Bpref], qrels, run)
    }
    ours = {
        nDCG @ 3: ndcg(graded, cutoffs=(3,)),
        AP: average_precision(graded),
        Bpref: bpref(graded),
    }
    for (query_id, measure), value in theirs.items():
        assert ours[measure][int(query_id[1:]), 0] == pytest.approx(value, abs=1e-4), measure
