"""Chance-corrected agreement: hand-made tables, published examples, maintained libraries."""

import warnings

import krippendorff
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr
from sklearn.metrics import cohen_kappa_score
from statsmodels.stats.inter_rater import fleiss_kappa as statsmodels_fleiss

from apps.analytics.compute import coefficients

# Krippendorff (2019), section 12.3.4: four coders, twelve units, five labels; 0 is missing.
CODERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]
# Fleiss (1971), table 1: fourteen raters, ten subjects, five labels (as often reprinted).
SUBJECTS = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def tally_of(coders, n_labels=5):
    table = np.asarray(coders)
    return np.stack([(table == label).sum(axis=0) for label in range(1, n_labels + 1)], axis=1)


def sums_of(tally, weights="unweighted"):
    tally = np.asarray(tally, np.float64)
    agreement = coefficients.agreement_of_items(tally, weights=weights)
    shares = tally / tally.sum(axis=1, keepdims=True)
    return agreement.sum(), shares.sum(axis=0), np.float64(len(tally))


@pytest.mark.parametrize(
    ("confusion", "weights", "kappa"),
    [
        # po = 35/50, pe = (25/50)(30/50) + (25/50)(20/50) = 0.5.
        pytest.param([[20, 5], [10, 15]], "unweighted", 0.4, id="two labels: (0.7 - 0.5) / 0.5"),
        pytest.param([[3, 0], [0, 2]], "unweighted", 1.0, id="they agree always"),
        pytest.param([[0, 2], [2, 0]], "unweighted", -1.0, id="they disagree always"),
        pytest.param([[1, 1], [1, 1]], "unweighted", 0.0, id="no more than by chance"),
        pytest.param([[2, 3], [0, 0]], "unweighted", 0.0, id="one is constant"),
        # Labels 1, 2, 3; items (1,1), (2,2), (1,3). Seen: 2/3 linear, 4/3 quadratic. Margins are
        # (2,1,0) and (1,1,1), so nine crossings: distances 0+1+2 twice, 1+0+1: 8; squares 12.
        pytest.param(
            [[1, 0, 1], [0, 1, 0], [0, 0, 0]], "linear", 1 - (2 / 3) / (8 / 9), id="linear"
        ),
        pytest.param(
            [[1, 0, 1], [0, 1, 0], [0, 0, 0]], "quadratic", 1 - (4 / 3) / (12 / 9), id="quadratic"
        ),
        pytest.param([[4, 0], [0, 0]], "unweighted", None, id="one and the same label"),
        pytest.param([[0, 0], [0, 0]], "unweighted", None, id="nothing in common"),
    ],
)
def test_cohen_kappa(confusion, weights, kappa):
    found = coefficients.cohen_kappa(np.asarray(confusion, np.float64), weights=weights)
    assert found == pytest.approx(np.nan if kappa is None else kappa, nan_ok=True)


levels = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=0, max_size=30)


@given(pairs=levels)
def test_two_raters_as_the_libraries_have_it(pairs):
    confusion = np.zeros((5, 5))
    for one, other in pairs:
        confusion[one, other] += 1
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    same = len(set(first) | set(second)) <= 1
    for ours, theirs in (("unweighted", None), ("linear", "linear"), ("quadratic", "quadratic")):
        found = coefficients.cohen_kappa(confusion, weights=ours)
        if same:
            assert np.isnan(found)
        else:
            expected = cohen_kappa_score(first, second, labels=range(5), weights=theirs)
            assert found == pytest.approx(expected)
    constant = len(set(first)) <= 1 or len(set(second)) <= 1
    for measure, reference in (
        (coefficients.spearman, spearmanr),
        (coefficients.kendall_b, kendalltau),
    ):
        found = measure(confusion)
        if constant:
            assert np.isnan(found)
        else:
            assert found == pytest.approx(reference(first, second)[0], abs=1e-9)


@pytest.mark.parametrize(
    ("metric", "published"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)]
)
def test_krippendorff_s_example(metric, published):
    matrix = coefficients.coincidences(tally_of(CODERS)).sum(axis=0)
    found = coefficients.krippendorff_alpha(matrix, metric=metric)
    assert found == pytest.approx(published, abs=5e-4)


def test_coincidences_count_an_item_as_often_as_it_was_rated():
    matrix = coefficients.coincidences(np.array([[2, 1, 0], [0, 0, 1], [0, 1, 1]], np.float64))
    # Three ratings 1, 1, 2: ordered pairs (1,1) twice, (1,2) and (2,1) twice, each by half.
    assert matrix[0].tolist() == [[1, 1, 0], [1, 0, 0], [0, 0, 0]]
    assert matrix[1].tolist() == [[0, 0, 0]] * 3
    assert matrix[2].tolist() == [[0, 0, 0], [0, 0, 1], [0, 1, 0]]


tallies = st.lists(
    st.lists(st.integers(0, 3), min_size=4, max_size=4), min_size=1, max_size=12
).map(lambda rows: np.asarray(rows, np.float64))


@given(tally=tallies)
def test_alpha_as_the_library_has_it(tally):
    matrix = coefficients.coincidences(tally).sum(axis=0)
    labels = np.flatnonzero(matrix.sum(axis=0))
    for metric in ("nominal", "ordinal", "interval"):
        found = coefficients.krippendorff_alpha(matrix, metric=metric)
        if len(labels) <= 1:
            assert np.isnan(found)
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = krippendorff.alpha(
                value_counts=tally.astype(int),
                value_domain=[1, 2, 3, 4],
                level_of_measurement=metric,
            )
        assert found == pytest.approx(expected, abs=1e-9)


def test_fleiss_example():
    found = coefficients.fleiss_kappa(*sums_of(SUBJECTS))
    assert found == pytest.approx(0.210, abs=5e-4)
    assert found == pytest.approx(statsmodels_fleiss(np.asarray(SUBJECTS)))


def test_generalised_fleiss_weighs_every_item_the_same():
    """Ratings 1, 1 and 1, 2, 2: P = (1 + 1/3) / 2, shares (1 + 1/3) / 2 and (2/3) / 2."""
    found = coefficients.fleiss_kappa(*sums_of([[2, 0], [1, 2]]))
    observed, chance = 2 / 3, (2 / 3) ** 2 + (1 / 3) ** 2
    assert found == pytest.approx((observed - chance) / (1 - chance))


@pytest.mark.parametrize(
    ("tally", "weights", "expected"),
    [
        # Pa = 2/3 and shares 2/3, 1/3 as above; Pe = sum p (1 - p) / (q - 1) = 4/9.
        pytest.param([[2, 0], [1, 2]], "unweighted", (2 / 3 - 4 / 9) / (5 / 9), id="AC1"),
        pytest.param([[3, 0], [2, 0]], "unweighted", 1.0, id="unanimous is 1"),
        # One item rated 1 and 2 of three levels: quadratic agreement 1 - 1/4. The agreement
        # weights sum to 3 + 4 * 3/4 = 6; shares 1/2, 1/2, 0; Pe = 6 / 6 * (1/4 + 1/4).
        pytest.param([[1, 1, 0]], "quadratic", (3 / 4 - 1 / 2) / (1 / 2), id="AC2"),
    ],
)
def test_gwet(tally, weights, expected):
    found = coefficients.gwet(*sums_of(tally, weights), weights=weights)
    assert found == pytest.approx(expected)


def test_without_items_and_with_one_label_it_is_undefined():
    nothing = (np.float64(0), np.zeros(3), np.float64(0))
    assert np.isnan(coefficients.fleiss_kappa(*nothing))
    assert np.isnan(coefficients.gwet(*nothing, weights="unweighted"))
    assert np.isnan(coefficients.krippendorff_alpha(np.zeros((3, 3)), metric="ordinal"))
    assert np.isnan(coefficients.fleiss_kappa(*sums_of([[3, 0], [2, 0]])))


def test_an_item_with_one_rating_is_refused():
    with pytest.raises(ValueError, match="two ratings"):
        coefficients.agreement_of_items(np.array([[1.0, 0.0]]))


@given(tally=tallies, order=st.permutations(range(4)))
def test_nominal_measures_do_not_depend_on_the_names_of_labels(tally, order):
    tally = tally[tally.sum(axis=1) >= 2]
    if not len(tally):
        return
    moved = tally[:, order]
    one = coefficients.coincidences(tally).sum(axis=0)
    other = coefficients.coincidences(moved).sum(axis=0)
    assert coefficients.krippendorff_alpha(one, metric="nominal") == pytest.approx(
        coefficients.krippendorff_alpha(other, metric="nominal"), nan_ok=True
    )
    assert coefficients.fleiss_kappa(*sums_of(tally)) == pytest.approx(
        coefficients.fleiss_kappa(*sums_of(moved)), nan_ok=True
    )
    assert coefficients.gwet(*sums_of(tally), weights="unweighted") == pytest.approx(
        coefficients.gwet(*sums_of(moved), weights="unweighted"), nan_ok=True
    )


def test_a_stack_of_tables_is_computed_as_one_by_one():
    rng = np.random.default_rng(4)
    stack = rng.integers(0, 5, size=(3, 7, 5, 5)).astype(np.float64)
    for measure in (coefficients.cohen_kappa, coefficients.spearman, coefficients.kendall_b):
        one_by_one = [[measure(matrix) for matrix in row] for row in stack]
        assert measure(stack) == pytest.approx(np.asarray(one_by_one))
