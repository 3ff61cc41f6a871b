"""Coefficients of a scope's ratings: which items take part, states without a value, intervals."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute import reliability
from apps.analytics.compute.agreement import EXACT, parse_cut
from tests.analytics.compute.test_agreement import FIVE, MISSING, bootstrap, ratings_of, tables

RELEVANCE = parse_cut("12-345", levels=FIVE)
LEVELS = parse_cut(EXACT, levels=FIVE)
MEASURES = {
    "alpha": partial(reliability.krippendorff_alpha, metric="ordinal"),
    "fleiss": partial(reliability.fleiss_kappa, complete=True),
    "generalised": partial(reliability.fleiss_kappa, complete=False),
    "ac1": partial(reliability.gwet, weights="unweighted"),
}


@pytest.mark.parametrize(
    ("table", "name", "value", "n_items"),
    [
        # Two raters, items (1,1), (5,5), (1,5): coincidences 2 on each diagonal cell, 1 beside.
        # n = 6; Do = 2, De = 3 * 3 * 2 = 18; alpha = 1 - 5 * 2 / 18.
        pytest.param([[1, 1], [5, 5], [1, 5]], "alpha", 1 - 10 / 18, 3, id="alpha"),
        pytest.param(
            [[1, 1], [5, 5], [1, MISSING]], "alpha", 1.0, 2, id="alpha leaves out singles"
        ),
        # P = 2/3, shares 1/2 each: (2/3 - 1/2) / (1/2).
        pytest.param([[1, 1], [5, 5], [1, 5]], "fleiss", 1 / 3, 3, id="fleiss"),
        pytest.param(
            [[1, 1, 1], [5, 5, 5], [1, 5, MISSING]], "fleiss", 1.0, 2, id="fleiss: items of all"
        ),
        pytest.param(
            [[1, 1, 1], [5, 5, 5], [1, 5, MISSING]],
            "generalised",
            1 / 3,
            3,
            id="all of two or more",
        ),
        # Pe = 2 * 1/4 / (5 - 1) = 1/8: (2/3 - 1/8) / (7/8).
        pytest.param([[1, 1], [5, 5], [1, 5]], "ac1", (2 / 3 - 1 / 8) / (7 / 8), 3, id="ac1"),
    ],
)
def test_the_items_that_take_part(table, name, value, n_items):
    found = MEASURES[name](ratings_of(table), cut=LEVELS, bootstrap=bootstrap())
    assert found.value == pytest.approx(value)
    assert found.n_items == n_items


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize(
    ("table", "reason"),
    [
        pytest.param([], "nothing judged", id="empty"),
        pytest.param([[5], [4]], "judged by", id="one assessor"),
        pytest.param([[5, MISSING], [MISSING, 4]], "judged by", id="nothing shared"),
    ],
)
def test_states_without_a_value_have_a_reason(name, table, reason):
    found = MEASURES[name](ratings_of(table), cut=LEVELS, bootstrap=bootstrap())
    assert found.value is None
    assert found.interval is None
    assert reason in found.reason


@pytest.mark.parametrize(
    ("name", "value"), [("alpha", None), ("fleiss", None), ("generalised", None), ("ac1", 1.0)]
)
def test_unanimous_with_one_level(name, value):
    found = MEASURES[name](ratings_of([[3, 3], [3, 3]]), cut=LEVELS, bootstrap=bootstrap())
    assert found.value == value
    assert bool(found.reason) == (value is None)


def test_under_a_cut_the_classes_count():
    """1 and 2 are one class, 3 to 5 the other: the two agree always."""
    table = [[1, 2], [3, 5], [4, 3]]
    for measure in MEASURES.values():
        assert measure(ratings_of(table), cut=RELEVANCE, bootstrap=bootstrap()).value == 1.0


def test_an_interval_is_over_queries():
    table = [[1, 1], [5, 5], [1, 5]] * 5
    queries = [place // 3 for place in range(15)]
    one = MEASURES["generalised"](
        ratings_of(table, queries=queries), cut=LEVELS, bootstrap=bootstrap()
    )
    assert one.interval == pytest.approx((1 / 3, 1 / 3))  # all queries alike
    spread = MEASURES["generalised"](
        ratings_of([[1, 1], [5, 5], [1, 5], [5, 1], [1, 1], [5, 5]]),
        cut=LEVELS,
        bootstrap=bootstrap(),
    )
    low, high = spread.interval
    assert low < spread.value < high
    lone = MEASURES["generalised"](
        ratings_of(table, queries=[0] * 15), cut=LEVELS, bootstrap=bootstrap()
    )
    assert lone.value == pytest.approx(1 / 3)
    assert lone.interval is None


def test_no_interval_where_many_resamples_leave_it_undefined():
    """Of two queries one has level 1 only: a quarter of the resamples draw that one twice."""
    table = [[1, 1], [1, 1], [1, 5], [5, 5]]
    found = MEASURES["alpha"](
        ratings_of(table, queries=[0, 0, 1, 1]), cut=LEVELS, bootstrap=bootstrap(400)
    )
    assert found.value is not None
    assert found.interval is None


@given(table=tables, data=st.data())
def test_coefficients_do_not_depend_on_names_or_order(table, data):
    queries = [place // 2 for place in range(len(table))]
    rows = data.draw(st.permutations(range(len(table))))
    columns = data.draw(st.permutations(range(len(table[0]))))
    renamed = data.draw(st.permutations(range(max(queries) + 1)))
    moved = [[table[row][column] for column in columns] for row in rows]
    for measure in MEASURES.values():
        one = measure(ratings_of(table, queries=queries), cut=LEVELS, bootstrap=bootstrap(20))
        other = measure(
            ratings_of(moved, queries=[renamed[queries[row]] for row in rows]),
            cut=LEVELS,
            bootstrap=bootstrap(20),
        )
        assert one.value == pytest.approx(other.value)
        assert one.reason == other.reason
