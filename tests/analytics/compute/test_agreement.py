import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.analytics.compute.agreement import (
    EXACT,
    PairCounts,
    Ratings,
    count_rating_pairs,
    cut_names,
    micro_average_accuracy,
    parse_cut,
)
from apps.analytics.compute.resampling import QueryBootstrap

FIVE = [1, 2, 3, 4, 5]
MISSING = 0


def ratings_of(table, *, queries=None, n_levels=5) -> Ratings:
    """Ratings from rows of levels, one row per item and one column per assessor."""
    table = np.asarray(table, np.int64).reshape(len(table), len(table[0]) if table else 0)
    item, rater = np.nonzero(table != MISSING)
    query = np.asarray(queries if queries is not None else range(len(table)), np.int64)
    return Ratings(
        item=item,
        rater=rater,
        level=table[item, rater] - 1,
        query=query,
        n_raters=table.shape[1],
        n_queries=int(query.max(initial=-1)) + 1,
        n_levels=n_levels,
    )


def bootstrap(resamples=100) -> QueryBootstrap:
    return QueryBootstrap(np.random.default_rng(1), resamples=resamples)


@pytest.mark.parametrize(
    ("levels", "names"),
    [
        pytest.param([1, 2], ["1-2"], id="the smallest scale has one cut"),
        pytest.param(FIVE, ["1-2345", "12-345", "123-45", "1234-5"], id="the paper's four"),
        pytest.param([0, 1, 3], ["0-13", "01-3"], id="levels may have gaps and begin at 0"),
        pytest.param(
            list(range(1, 12)),
            [
                "1-234567891011",
                "12-34567891011",
                "123-4567891011",
                "1234-567891011",
                "12345-67891011",
                "123456-7891011",
                "1234567-891011",
                "12345678-91011",
                "123456789-1011",
                "12345678910-11",
            ],
            id="eleven levels stay unambiguous",
        ),
    ],
)
def test_cut_names(levels, names):
    assert cut_names(levels=levels) == names
    assert [parse_cut(name, levels=levels).similar_from for name in names] == list(
        range(1, len(levels))
    )


@pytest.mark.parametrize(
    ("name", "levels", "message"),
    [
        pytest.param("12-45", FIVE, "12-345", id="a level is missing"),
        pytest.param("12345-", FIVE, "cuts are", id="an empty side"),
        pytest.param("345-12", FIVE, "cuts are", id="the wrong way round"),
        pytest.param("12|345", FIVE, "cuts are", id="another sign"),
        pytest.param("", FIVE, "cuts are", id="nothing"),
        pytest.param("1-2", [1], "2 to 11", id="a scale of one level"),
        pytest.param("1-2", list(range(12)), "2 to 11", id="a scale of twelve"),
        pytest.param("1-2", [2, 1], "rise", id="levels that fall"),
    ],
)
def test_a_cut_that_does_not_fit_is_refused(name, levels, message):
    with pytest.raises(ValueError, match=message):
        parse_cut(name, levels=levels)


@pytest.mark.parametrize(
    ("table", "cut", "expected", "accuracy"),
    [
        pytest.param([[5, 4, 5]], "12-345", PairCounts(3, 0), 1.0, id="three agree: 3 pairs"),
        pytest.param([[5, 1]], "12-345", PairCounts(0, 1), 0.0, id="two differ"),
        pytest.param(
            [[3, 4, 1]], "12-345", PairCounts(1, 2), 1 / 3, id="3 and 4 fall on the same side"
        ),
        pytest.param(
            [[5, 4, 5], [1, 5, MISSING]],
            "12-345",
            PairCounts(3, 1),
            0.75,
            id="micro, not macro (0.5)",
        ),
        pytest.param(
            [[1, 2, 3, 4, 5, 5, 5]],
            "1234-5",
            PairCounts(3 + 6, 12),
            9 / 21,
            id="seven raters are 21 pairs: 3 of three fives, 6 of four others",
        ),
        pytest.param(
            [[1, 2, 3, 4, 5, 5, 5]], EXACT, PairCounts(3, 18), 3 / 21, id="exact: the fives only"
        ),
        pytest.param([[2, 2], [4, 4]], EXACT, PairCounts(2, 0), 1.0, id="exact: unanimous"),
        pytest.param([[5, MISSING]], "12-345", PairCounts(0, 0), None, id="judged once: undefined"),
        pytest.param([], "12-345", PairCounts(0, 0), None, id="nothing judged"),
    ],
)
def test_count_rating_pairs(table, cut, expected, accuracy):
    ratings = ratings_of(table)
    counts = count_rating_pairs(ratings.tally(), cut=parse_cut(cut, levels=FIVE))
    assert counts == expected
    assert counts.accuracy == accuracy


@pytest.mark.parametrize(
    ("tally", "message"),
    [
        pytest.param(np.zeros(5, int), "2-D", id="not a table"),
        pytest.param(np.zeros((2, 4), int), "5 levels", id="another scale"),
        pytest.param(np.full((1, 5), -1), "negative", id="a negative count"),
    ],
)
def test_count_rating_pairs_rejects(tally, message):
    with pytest.raises(ValueError, match=message):
        count_rating_pairs(tally, cut=parse_cut("12-345", levels=FIVE))


def test_spread_is_over_queries_with_a_pair():
    # Query 0: 1 of 2 pairs agree; query 1: 1 of 1; query 2 was judged once.
    ratings = ratings_of([[5, 5], [5, 1], [4, 3], [2, MISSING]], queries=[0, 0, 1, 2])
    estimate = micro_average_accuracy(
        ratings, cut=parse_cut("12-345", levels=FIVE), bootstrap=bootstrap()
    )
    assert estimate.value == 2 / 3
    assert estimate.mean_over_queries == 0.75
    assert estimate.sd == pytest.approx(0.125**0.5)  # of 0.5 and 1: 2 * 0.25^2 / 1
    assert estimate.sd_population == 0.25
    assert (estimate.n_items, estimate.n_queries) == (3, 2)
    low, high = estimate.interval
    assert (low, high) == (0.5, 1.0)  # both queries drawn twice occur in over 2.5 % of draws


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        pytest.param([], "nothing judged", id="an empty table"),
        pytest.param([[1, MISSING], [MISSING, 2]], "two assessors", id="every item judged once"),
        pytest.param([[1], [2]], "two assessors", id="one assessor"),
    ],
)
def test_without_pairs_agreement_is_undefined_and_says_why(table, reason):
    estimate = micro_average_accuracy(
        ratings_of(table), cut=parse_cut("12-345", levels=FIVE), bootstrap=bootstrap()
    )
    assert estimate.value is None
    assert estimate.sd is None
    assert estimate.interval is None
    assert estimate.pairs == PairCounts(0, 0)
    assert reason in estimate.reason


tables = st.integers(1, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.integers(MISSING, 5), min_size=raters, max_size=raters), min_size=1, max_size=8
    )
)


@given(table=tables, data=st.data())
def test_agreement_does_not_depend_on_names_or_order(table, data):
    queries = [place // 2 for place in range(len(table))]
    rows = data.draw(st.permutations(range(len(table))))
    columns = data.draw(st.permutations(range(len(table[0]))))
    renamed = data.draw(st.permutations(range(max(queries) + 1)))
    moved = [[table[row][column] for column in columns] for row in rows]
    cut = parse_cut("12-345", levels=FIVE)
    one = micro_average_accuracy(ratings_of(table, queries=queries), cut=cut, bootstrap=bootstrap())
    other = micro_average_accuracy(
        ratings_of(moved, queries=[renamed[queries[row]] for row in rows]),
        cut=cut,
        bootstrap=bootstrap(),
    )
    assert one.pairs == other.pairs
    assert one.value == other.value
    assert one.interval == other.interval
    assert one.sd == pytest.approx(other.sd)
