import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.retrieval.compute import fusion
from apps.retrieval.compute.fusion import Ranked, fused
from apps.retrieval.fusions import fusion_kinds

KINDS = {kind.name: kind.load() for kind in fusion_kinds()}


def ranked(*documents: tuple[int, float]) -> Ranked:
    ordinals, scores = zip(*documents, strict=True) if documents else ((), ())
    return Ranked(np.array(ordinals, np.int64), np.array(scores, np.float64))


# By hand. SDs (divisor 2): of 4, 2, 0 it is 2; of 10, 9, 8 it is 1. So the z-scores above the
# last are 2, 1, 0 in both lists, and min-max gives 1, 0.5, 0 in both.
A = ranked((1, 4.0), (2, 2.0), (3, 0.0))
B = ranked((2, 10.0), (3, 9.0), (4, 8.0))
NOTHING = ranked()
ALONE = ranked((3, -7.0))
FLAT = ranked((5, 1.0), (6, 1.0))


@pytest.mark.parametrize(
    ("kind", "members", "expected"),
    [
        pytest.param(
            "rrf",
            [A, B],
            {2: 1 / 62 + 1 / 61, 3: 1 / 63 + 1 / 62, 1: 1 / 61, 4: 1 / 63},
            id="rrf: two middling places beat one first place",
        ),
        pytest.param(
            "combsum_z", [A, B], {2: 1 + 2, 1: 2 + 0, 3: 0 + 1, 4: 0}, id="combsum of z-scores"
        ),
        pytest.param(
            "combsum_minmax", [A, B], {2: 0.5 + 1, 1: 1, 3: 0 + 0.5, 4: 0}, id="combsum of min-max"
        ),
        pytest.param(
            "combmnz_z",
            [A, B],
            {2: 2 * 3, 1: 1 * 2, 3: 2 * 1, 4: 0},
            id="combmnz: being listed twice doubles; 1 and 3 tie and go by ordinal",
        ),
        pytest.param(
            "combmnz_minmax",
            [A, B],
            {2: 2 * 1.5, 1: 1 * 1, 3: 2 * 0.5, 4: 0},
            id="combmnz of min-max",
        ),
        pytest.param(
            "combsum_minmax", [A, NOTHING], {1: 1, 2: 0.5, 3: 0}, id="an empty list adds nothing"
        ),
        pytest.param(
            "combmnz_z", [A, NOTHING], {1: 2, 2: 1, 3: 0}, id="and is not counted by combmnz"
        ),
        pytest.param(
            "combsum_minmax",
            [A, ALONE],
            {1: 1, 3: 0 + 1, 2: 0.5},
            id="a single document gets 1, the worth of a first place",
        ),
        pytest.param("combsum_z", [A, ALONE], {1: 2, 2: 1, 3: 0 + 1}, id="also among z-scores"),
        pytest.param(
            "combsum_z", [A, FLAT], {1: 2, 2: 1, 5: 1, 6: 1, 3: 0}, id="equal scores get 1 each"
        ),
        pytest.param(
            "combmnz_minmax",
            [A, FLAT],
            {1: 1, 5: 1, 6: 1, 2: 0.5, 3: 0},
            id="equal scores with min-max",
        ),
        pytest.param("rrf", [NOTHING, NOTHING], {}, id="nothing listed: nothing found"),
        pytest.param("rrf", [], {}, id="no members: nothing found"),
    ],
)
def test_values_derived_by_hand(kind, members, expected):
    found = fused(members=members, kind=KINDS[kind], k=10)
    assert found.ordinals.tolist() == list(expected)
    assert found.scores == pytest.approx(list(expected.values()), rel=1e-6)


def test_only_the_best_k_are_returned_and_they_are_a_prefix():
    whole = fused(members=[A, B], kind=KINDS["rrf"], k=10)
    for k in range(1, 5):
        some = fused(members=[A, B], kind=KINDS["rrf"], k=k)
        assert some.ordinals.tolist() == whole.ordinals.tolist()[:k]
        assert some.scores.tolist() == whole.scores.tolist()[:k]


def test_sums_that_differ_by_a_trace_are_a_tie():
    """0.1 + 0.2 is not 0.3 in floating point; both documents are worth the same."""
    one = ranked((9, 1.0), (7, 0.1), (1, 0.0))
    two = ranked((9, 1.0), (7, 0.2), (1, 0.0))
    three = ranked((9, 1.0), (4, 0.3), (1, 0.0))
    found = fused(members=[one, two, three], kind=fusion.comb_sum_minmax, k=10)
    assert found.ordinals.tolist() == [9, 4, 7, 1]


@pytest.mark.parametrize(
    ("member", "k", "sentence"),
    [
        pytest.param(ranked((1, 2.0), (1, 1.0)), 1, "a document twice", id="a document twice"),
        pytest.param(ranked((1, 1.0), (2, 2.0)), 1, "must not rise", id="rising scores"),
        pytest.param(ranked((1, np.nan)), 1, "must be finite", id="not a number"),
        pytest.param(
            Ranked(np.array([1]), np.array([1.0, 2.0])), 1, "a score per document", id="lengths"
        ),
        pytest.param(A, 0, "at least 1", id="k"),
    ],
)
def test_what_is_no_ranking_is_refused(member, k, sentence):
    with pytest.raises(ValueError, match=sentence):
        fused(members=[A, member], kind=KINDS["rrf"], k=k)


# Whole numbers: what lies closer together than 10^-12 of a list's range is a tie by definition.
RANKINGS = st.builds(
    lambda ordinals, steps: ranked(
        *zip(ordinals, -np.cumsum(steps[: len(ordinals)], dtype=float), strict=True)
    ),
    st.lists(st.integers(0, 30), unique=True, max_size=12),
    st.lists(st.integers(1, 1000), min_size=12, max_size=12),
)
ALL_KINDS = pytest.mark.parametrize("kind", KINDS)


@ALL_KINDS
@given(members=st.lists(RANKINGS, max_size=4), data=st.data())
def test_the_order_of_the_members_does_not_matter(kind, members, data):
    expected = fused(members=members, kind=KINDS[kind], k=50)
    other = fused(members=data.draw(st.permutations(members)), kind=KINDS[kind], k=50)
    assert other.ordinals.tolist() == expected.ordinals.tolist()
    assert other.scores.tolist() == expected.scores.tolist()


@ALL_KINDS
@given(member=RANKINGS)
def test_a_fusion_of_one_method_has_its_order(kind, member):
    found = fused(members=[member], kind=KINDS[kind], k=50)
    assert found.ordinals.tolist() == member.ordinals.tolist()


@ALL_KINDS
@given(members=st.lists(RANKINGS, max_size=4))
def test_each_document_that_is_listed_comes_once_with_scores_that_fall_in_a_run_file(kind, members):
    found = fused(members=members, kind=KINDS[kind], k=200)
    listed = {ordinal for member in members for ordinal in member.ordinals.tolist()}
    assert sorted(found.ordinals.tolist()) == sorted(listed)
    assert (np.diff(found.scores.astype(np.float32)) < 0).all()


@given(members=st.lists(RANKINGS, min_size=1, max_size=4), data=st.data())
def test_rrf_depends_on_ranks_only(members, data):
    others = [
        Ranked(member.ordinals, np.sort(data.draw(_scores(len(member.ordinals))))[::-1])
        for member in members
    ]
    expected = fused(members=members, kind=KINDS["rrf"], k=50)
    found = fused(members=others, kind=KINDS["rrf"], k=50)
    assert found.ordinals.tolist() == expected.ordinals.tolist()
    assert found.scores.tolist() == expected.scores.tolist()


def _scores(n: int) -> st.SearchStrategy:
    numbers = st.floats(-1e30, 1e30, allow_nan=False)
    return st.lists(numbers, min_size=n, max_size=n).map(np.array)


@pytest.mark.parametrize("kind", ["combsum_z", "combsum_minmax", "combmnz_z", "combmnz_minmax"])
@given(members=st.lists(RANKINGS, min_size=1, max_size=3), data=st.data())
def test_scale_and_origin_of_a_members_scores_do_not_matter(kind, members, data):
    """That is what the scores are normalised for. Powers of two, so that nothing is rounded."""
    moved = [
        Ranked(
            member.ordinals,
            member.scores * data.draw(st.sampled_from([0.25, 1.0, 1024.0])) + 4096.0,
        )
        for member in members
    ]
    expected = fused(members=members, kind=KINDS[kind], k=50)
    assert fused(members=moved, kind=KINDS[kind], k=50).ordinals.tolist() == (
        expected.ordinals.tolist()
    )
