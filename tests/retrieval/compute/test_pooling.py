import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.retrieval.compute.pooling import (
    Source,
    pooled,
    strictly_decreasing,
    unique_contributions,
)

TINY = float(np.finfo(np.float32).tiny)


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        pytest.param([-1.0, -2.0, -2.5], [-1.0, -2.0, -2.5], id="apart already: unchanged"),
        pytest.param([-1.0, -1.0], [-1.0, -1.0 - 2**-23], id="a tie: one float32 lower"),
        pytest.param(
            [-1.0, -1.0, -1.0 - 2**-23],
            [-1.0, -1.0 - 2**-23, -1.0 - 2**-22],
            id="a nudge that meets the next score pushes it on",
        ),
        pytest.param(
            [-1.0, -1.0 - 2**-40], [-1.0, -1.0 - 2**-23], id="equal only as 32-bit floats"
        ),
        pytest.param([0.0, 0.0, 0.0], [0.0, -TINY, -2 * TINY], id="zeros: no denormal numbers"),
        pytest.param([], [], id="nothing"),
    ],
)
def test_scores_become_strictly_decreasing(scores, expected):
    assert strictly_decreasing(scores=np.array(scores)).tolist() == expected


@given(st.lists(st.floats(0, 1e30, width=64), max_size=60), st.integers(0, 3))
def test_they_stay_distinct_as_32_bit_floats_and_as_text(distances, repeats):
    scores = -np.sort(np.repeat(distances, repeats + 1))
    found = strictly_decreasing(scores=scores)
    single = found.astype(np.float32)
    assert (np.diff(single) < 0).all()
    assert single.astype(np.float64).tolist() == found.tolist()
    printed = np.array([f"{score:.9g}" for score in found], dtype=np.float32)
    assert (np.diff(printed) < 0).all()
    assert strictly_decreasing(scores=found).tolist() == found.tolist()


def test_a_negative_zero_is_a_zero():
    assert str(strictly_decreasing(scores=-np.zeros(1))[0]) == "0.0"


@pytest.mark.parametrize(
    ("scores", "words"),
    [
        pytest.param([1.0, 2.0], "increase", id="increasing"),
        pytest.param([np.nan], "finite", id="not a number"),
        pytest.param([-1e39], "float32", id="too large for float32"),
    ],
)
def test_scores_that_make_no_ranking_are_refused(scores, words):
    with pytest.raises(ValueError, match=words):
        strictly_decreasing(scores=np.array(scores))


RANKINGS = {"cld": ([7, 3, 5, 1], [-1.0, -2.0, -3.0, -4.0]), "ehd": ([3, 8], [-5.0, -6.0])}


def test_a_pool_is_the_union_with_a_ledger():
    assert pooled(rankings=RANKINGS, depth=2) == {
        7: [Source("cld", 1, -1.0)],
        3: [Source("cld", 2, -2.0), Source("ehd", 1, -5.0)],
        8: [Source("ehd", 2, -6.0)],
    }


def test_a_ranking_shorter_than_the_depth_gives_all_it_has():
    assert sorted(pooled(rankings=RANKINGS, depth=100)) == [1, 3, 5, 7, 8]


def test_unique_contributions_count_pairs_that_one_method_found():
    pool = pooled(rankings=RANKINGS, depth=2)
    counts = unique_contributions(pool=pool, methods=["cld", "ehd", "gf"])
    assert counts == {"cld": 1, "ehd": 1, "gf": 0}


@pytest.mark.parametrize(
    ("rankings", "depth", "words"),
    [
        pytest.param(RANKINGS, 0, "depth", id="depth 0"),
        pytest.param({"cld": ([1, 1], [-1.0, -2.0])}, 5, "twice", id="an image twice"),
    ],
)
def test_what_makes_no_pool_is_refused(rankings, depth, words):
    with pytest.raises(ValueError, match=words):
        pooled(rankings=rankings, depth=depth)


ANY_RANKINGS = st.dictionaries(
    st.sampled_from(["ehd", "cld", "rrf(ehd+cld)", "a-run"]),
    st.lists(st.integers(0, 20), unique=True, max_size=10).map(
        lambda images: (images, [-float(rank) for rank in range(len(images))])
    ),
    min_size=1,
)


@given(rankings=ANY_RANKINGS, depth=st.integers(1, 12), data=st.data())
def test_a_pool_without_a_method_is_the_pool_with_its_entries_removed(rankings, depth, data):
    gone = data.draw(st.sampled_from(sorted(rankings)))
    whole = pooled(rankings=rankings, depth=depth)
    left = {
        image: [source for source in sources if source.method != gone]
        for image, sources in whole.items()
    }
    without = pooled(
        rankings={name: found for name, found in rankings.items() if name != gone}, depth=depth
    )
    assert without == {image: sources for image, sources in left.items() if sources}
    unique = unique_contributions(pool=whole, methods=list(rankings))
    assert unique[gone] == len(whole) - len(without)
