import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute.precision import (
    NO_IMAGE,
    precision,
    ranking_order,
)
from apps.analytics.compute.ranked import graded_rankings
from apps.analytics.compute.resampling import QueryBootstrap

N_IMAGES = 100


def bootstrap():
    return QueryBootstrap(np.random.default_rng(1), resamples=100)


def hits_of(lists, judged, cutoffs):
    """`judged` maps (query, image) to whether it is relevant."""
    depth = max(map(len, lists))
    ranking = np.array([row + [NO_IMAGE] * (depth - len(row)) for row in lists])
    keys = sorted(query * N_IMAGES + image for query, image in judged)
    relevant = [judged[divmod(key, N_IMAGES)] for key in keys]
    graded = graded_rankings(
        ranking.reshape(len(lists), depth),
        items=np.array(keys, np.int64),
        gains=np.array(relevant, np.int64),
        n_images=N_IMAGES,
    )
    return graded.hits(cutoffs)


@pytest.mark.parametrize(
    ("scores", "ids", "order"),
    [
        pytest.param([1, 3, 2], ["a", "b", "c"], "bca", id="score descending"),
        pytest.param([1, 1, 1], ["b", "c", "a"], "cba", id="ties: id descending"),
        pytest.param([1, 1, 1], ["10", "9", "B"], ["B", "9", "10"], id="as strings, not numbers"),
        pytest.param([0.5, -0.5], ["a", "b"], "ab", id="negative scores"),
        pytest.param([], [], "", id="an empty ranking"),
    ],
)
def test_ranking_order(scores, ids, order):
    rows = ranking_order(np.array(scores, float), ids)
    assert [ids[row] for row in rows] == list(order)


@pytest.mark.parametrize(
    ("scores", "ids", "message"),
    [
        pytest.param([1, 2], ["a", "a"], "twice", id="a document twice"),
        pytest.param([1, float("nan")], ["a", "b"], "finite", id="not a number"),
        pytest.param([1, float("inf")], ["a", "b"], "finite", id="infinite"),
        pytest.param([1], ["a", "b"], "scores for", id="too few scores"),
    ],
)
def test_ranking_order_rejects(scores, ids, message):
    with pytest.raises(ValueError, match=message):
        ranking_order(np.array(scores, float), ids)


@pytest.mark.parametrize(
    ("lists", "judged", "cutoffs", "values", "shares"),
    [
        pytest.param(
            [[1, 2, 3, 4, 5]],
            {(0, 1): True, (0, 2): False, (0, 3): True, (0, 9): True},
            (1, 2, 5),
            [1.0, 0.5, 2 / 5],
            [1.0, 1.0, 3 / 5],
            id="unjudged results are not relevant and lower the judged share",
        ),
        pytest.param(
            [[1, 2]],
            {(0, 1): True, (0, 2): True},
            (5,),
            [2 / 5],
            [2 / 5],
            id="a short list: still / N",
        ),
        pytest.param(
            [[1], []],
            {(0, 1): True, (1, 1): True},
            (1,),
            [1 / 2],
            [1 / 2],
            id="a judged query that the run lacks counts as 0",
        ),
        pytest.param(
            [[1], [1]],
            {(0, 1): True},
            (1,),
            [1.0],
            [1.0],
            id="a query without judgments is ignored",
        ),
        pytest.param(
            [[1], [1]],
            {(0, 1): True, (1, 1): False},
            (1,),
            [1 / 2],
            [1.0],
            id="a judged query without a relevant image counts as 0",
        ),
        pytest.param(
            [[2], [1]],
            {(0, 1): True, (1, 2): True},
            (1,),
            [0.0],
            [0.0],
            id="relevance belongs to the query, not to the image",
        ),
    ],
)
def test_precision(lists, judged, cutoffs, values, shares):
    averaged = np.array([any(query == place for query, _ in judged) for place in range(len(lists))])
    estimates = precision(
        hits_of(lists, judged, cutoffs), averaged=averaged, cutoffs=cutoffs, bootstrap=bootstrap()
    )
    assert [estimate.value for estimate in estimates] == pytest.approx(values)
    assert [estimate.judged for estimate in estimates] == pytest.approx(shares)


def test_without_a_judged_query_precision_is_undefined():
    hits = hits_of([[1]], {}, (5,))
    (estimate,) = precision(hits, averaged=np.array([False]), cutoffs=(5,), bootstrap=bootstrap())
    assert (estimate.value, estimate.judged, estimate.sd) == (None, None, None)
    assert estimate.reason == "no query is judged"


def test_spread_of_precision_is_over_queries():
    # P@2 of 1, 0.5 and 0: sample SD 0.5.
    judged = {(query, image): image <= 2 - query for query in range(3) for image in (1, 2)}
    hits = hits_of([[1, 2], [1, 2], [1, 2]], judged, (2,))
    (estimate,) = precision(hits, averaged=np.ones(3, bool), cutoffs=(2,), bootstrap=bootstrap())
    assert estimate.value == 0.5
    assert estimate.sd == pytest.approx(0.5)
    assert estimate.interval[0] <= 0.5 <= estimate.interval[1]


def test_an_image_twice_in_a_ranking_is_refused():
    with pytest.raises(ValueError, match="twice"):
        hits_of([[1, 1]], {(0, 1): True}, (5,))


@given(data=st.data())
def test_precision_does_not_depend_on_names_or_order(data):
    n_queries = data.draw(st.integers(1, 4))
    lists = [
        data.draw(st.lists(st.integers(0, 9), unique=True, max_size=6)) for _ in range(n_queries)
    ]
    judged = data.draw(
        st.dictionaries(st.tuples(st.integers(0, n_queries - 1), st.integers(0, 9)), st.booleans())
    )
    images = data.draw(st.permutations(range(10)))
    queries = data.draw(st.permutations(range(n_queries)))
    moved = [[] for _ in range(n_queries)]
    for place, row in enumerate(lists):
        moved[queries[place]] = [images[image] for image in row]
    renamed = {(queries[q], images[i]): relevant for (q, i), relevant in judged.items()}

    def measured(rows, verdicts):
        averaged = np.array([any(q == place for q, _ in verdicts) for place in range(n_queries)])
        return [
            (estimate.value, estimate.interval, estimate.judged, estimate.n_queries)
            for estimate in precision(
                hits_of(rows, verdicts, (1, 3, 5)),
                averaged=averaged,
                cutoffs=(1, 3, 5),
                bootstrap=bootstrap(),
            )
        ]

    assert measured(lists, judged) == measured(moved, renamed)
