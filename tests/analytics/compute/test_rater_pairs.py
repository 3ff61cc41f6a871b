"""Two assessors at a time: confusion matrices, their statistics, the intervals."""

import numpy as np
import pytest
from hypothesis import given

from apps.analytics.compute.agreement import EXACT, count_rating_pairs, parse_cut
from apps.analytics.compute.coefficients import cohen_kappa
from apps.analytics.compute.rater_pairs import accuracy, estimates_of_pairs, pairs_of_raters
from tests.analytics.compute.test_agreement import FIVE, MISSING, bootstrap, ratings_of, tables

RELEVANCE = parse_cut("12-345", levels=FIVE)
LEVELS = parse_cut(EXACT, levels=FIVE)
#         a  b  c
TABLE = [
    [5, 4, MISSING],
    [1, 3, 2],
    [2, 2, 2],
    [MISSING, MISSING, 5],
]


def test_confusion_of_every_two_assessors():
    pairs = pairs_of_raters(ratings_of(TABLE))
    assert list(zip(pairs.first, pairs.second, strict=True)) == [(0, 1), (0, 2), (1, 2)]
    assert pairs.n_items.tolist() == [3, 2, 2]
    whole = pairs.confusion.sum(axis=0)
    cells = [
        [(one + 1, other + 1) for one, other in np.argwhere(matrix).tolist()] for matrix in whole
    ]
    assert cells == [[(1, 3), (2, 2), (5, 4)], [(1, 2), (2, 2)], [(2, 2), (3, 2)]]
    relevant = pairs.under(RELEVANCE).sum(axis=0)
    assert relevant[0].tolist() == [[1, 1], [0, 1]]  # (2, 2); (1, 3); (5, 4)


def test_agreement_of_every_two_assessors():
    pairs = pairs_of_raters(ratings_of(TABLE))
    # On items 0 and 2 of three; on both; on one of two. The same level: on item 2 each time.
    for cut, expected in ((RELEVANCE, [2 / 3, 1, 1 / 2]), (LEVELS, [1 / 3, 1 / 2, 1 / 2])):
        found = estimates_of_pairs(pairs, cut=cut, statistic=accuracy, bootstrap=bootstrap())
        assert found.values == pytest.approx(expected)
        assert found.mean == pytest.approx(np.mean(expected))
        assert found.n_defined == 3


def test_two_assessors_without_a_common_item_have_no_value():
    pairs = pairs_of_raters(ratings_of([[5, MISSING, 5], [MISSING, 1, 4], [MISSING, 2, 4]]))
    assert pairs.n_items.tolist() == [0, 1, 2]
    found = estimates_of_pairs(pairs, cut=LEVELS, statistic=accuracy, bootstrap=bootstrap())
    assert np.isnan(found.values[0])
    assert np.isnan(found.intervals[0]).all()
    assert found.values[1:].tolist() == [1.0, 0.0]
    assert found.mean == 0.5
    assert found.n_defined == 2


@pytest.mark.parametrize(
    "table",
    [
        pytest.param([], id="nothing judged"),
        pytest.param([[5], [4]], id="one assessor"),
        pytest.param([[5, MISSING], [MISSING, 4]], id="nothing shared"),
    ],
)
def test_without_a_shared_item_nothing_is_defined(table):
    pairs = pairs_of_raters(ratings_of(table))
    found = estimates_of_pairs(pairs, cut=LEVELS, statistic=cohen_kappa, bootstrap=bootstrap())
    assert np.isnan(found.values).all()
    assert np.isnan(found.mean)
    assert found.n_defined == 0


def test_an_interval_holds_the_value_and_is_a_point_without_spread():
    """Every query alike: whatever is drawn, the agreement is 1/2."""
    table = [[1, 1], [1, 5]] * 4
    queries = [number // 2 for number in range(8)]
    pairs = pairs_of_raters(ratings_of(table, queries=queries))
    found = estimates_of_pairs(pairs, cut=LEVELS, statistic=accuracy, bootstrap=bootstrap())
    assert found.intervals.tolist() == [[0.5, 0.5]]
    assert found.mean_interval.tolist() == [0.5, 0.5]
    one_query = pairs_of_raters(ratings_of(table, queries=[0] * 8))
    found = estimates_of_pairs(one_query, cut=LEVELS, statistic=accuracy, bootstrap=bootstrap())
    assert found.values.tolist() == [0.5]
    assert np.isnan(found.intervals).all()


@given(table=tables)
def test_pairs_of_assessors_add_up_to_the_micro_average(table):
    ratings = ratings_of(table)
    pairs = pairs_of_raters(ratings)
    for cut in (RELEVANCE, LEVELS):
        counts = count_rating_pairs(ratings.tally(), cut=cut)
        confusion = pairs.under(cut).sum(axis=(0, 1))
        assert np.trace(confusion) == counts.agreements
        assert pairs.n_items.sum() == counts.agreements + counts.disagreements
