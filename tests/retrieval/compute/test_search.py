"""Exact search, compared with the definition written out in float64."""

import tracemalloc
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.retrieval.compute import search
from apps.retrieval.compute.search import candidates, definition, products, screening

SEARCHES = {
    "euclidean": search.euclidean,
    "city block": search.city_block,
    "colour layout": search.colour_layout,
    "tanimoto": search.tanimoto,
}


def by_definition(name: str, query: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Distances of one query to all rows, straight from the formulas."""
    difference = rows.astype(np.float64) - query.astype(np.float64)
    if name == "euclidean":
        return np.sqrt((difference**2).sum(axis=1))
    if name == "city block":
        return np.abs(difference).sum(axis=1)
    if name == "tanimoto":
        return np.array([tanimoto(query, row) for row in rows])
    y, cb, cr = difference[:, :10] ** 2, difference[:, 10:13] ** 2, difference[:, 13:] ** 2
    return (
        np.sqrt(2 * y[:, :3].sum(axis=1) + y[:, 3:].sum(axis=1))
        + np.sqrt(2 * cb[:, 0] + cb[:, 1] + cb[:, 2])
        + np.sqrt(4 * cr[:, 0] + 2 * cr[:, 1] + 2 * cr[:, 2])
    )


def tanimoto(x: np.ndarray, y: np.ndarray) -> float:
    """In whole numbers, scaled by both sums, and one fraction of them."""
    if not np.isfinite(y).all():
        return np.nan
    a, b = (int(one.sum()) for one in (x, y))
    if not a or not b:
        return 100.0 if a or b else 0.0
    dots = a * b * int(x.astype(float) @ y.astype(float))
    squares = b * b * int((x.astype(float) ** 2).sum()) + a * a * int((y.astype(float) ** 2).sum())
    return float(100 - Fraction(100 * dots, squares - dots))


def brute_force(name, queries, rows, eligible, own, k):
    usable = eligible & np.isfinite(rows).all(axis=1)
    answers = []
    for query, itself in zip(queries, own, strict=True):
        distances = by_definition(name, query, rows)
        allowed = usable & (np.arange(len(rows)) != itself)
        order = np.lexsort((np.arange(len(rows)), distances))
        order = order[allowed[order]][:k]
        answers.append((order.tolist(), distances[order].tolist()))
    return answers


def run(name, queries, rows, eligible, own, k, *, cuts=(), **options):
    shards = [shard for shard in np.split(rows, sorted(cuts)) if len(shard)]
    found = SEARCHES[name](
        queries=queries,
        shards=shards,
        first=0,
        eligible=eligible,
        own=np.asarray(own, dtype=np.int64),
        k=k,
        threads=2,
        **options,
    )
    return [(one.ordinals.tolist(), one.distances.tolist()) for one in found]


@st.composite
def problems(draw):
    """Few values and few columns: many rows are at equal distance, many are the same."""
    name = draw(st.sampled_from(list(SEARCHES)))
    seed = draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    n = draw(st.integers(1, 80))
    columns = 16 if name == "colour layout" else draw(st.integers(1, 20))
    values = draw(st.sampled_from([2, 3, 8, 64]))
    dtype = draw(st.sampled_from([np.float32, np.float16]))
    rows = rng.integers(0, values, size=(n, columns)).astype(dtype)
    scale = draw(st.sampled_from([1.0, 0.1, 1e-3, 300.0]))  # 0.1: not whole in binary
    if name == "euclidean":
        rows = (rows * dtype(scale)).astype(dtype)
    rows[rng.random(n) < draw(st.sampled_from([0, 0.2]))] = np.nan
    eligible = rng.random(n) >= draw(st.sampled_from([0, 0.3]))
    finite = np.flatnonzero(np.isfinite(rows).all(axis=1))
    if len(finite):
        own = rng.choice(finite, size=draw(st.integers(1, 6)))
        queries = rows[own].astype(np.float32)
        own = np.where(rng.random(len(own)) < 0.3, -1, own)  # some come from outside
    else:
        own = np.array([-1])
        queries = np.zeros((1, columns), np.float32)
    k = draw(st.integers(1, n + 3))
    cuts = draw(st.lists(st.integers(0, n), max_size=5))
    block_rows = draw(st.integers(1, n + 2))
    return name, queries, rows, eligible, own, k, cuts, block_rows


@settings(max_examples=400, deadline=None)
@given(problems())
def test_it_equals_brute_force_for_any_shards_and_blocks(problem):
    name, queries, rows, eligible, own, k, cuts, block_rows = problem
    expected = brute_force(name, queries, rows, eligible, own, k)
    found = run(name, queries, rows, eligible, own, k, cuts=cuts, block_rows=block_rows)
    assert [ordinals for ordinals, _ in found] == [ordinals for ordinals, _ in expected]
    for (_, distances), (_, right) in zip(found, expected, strict=True):
        np.testing.assert_allclose(distances, right, rtol=1e-14)


@settings(max_examples=100, deadline=None)
@given(problems(), st.integers(1, 30))
def test_a_shorter_answer_is_the_beginning_of_a_longer_one(problem, less):
    name, queries, rows, eligible, own, k, cuts, block_rows = problem
    long = run(name, queries, rows, eligible, own, k, cuts=cuts, block_rows=block_rows)
    short = run(name, queries, rows, eligible, own, min(less, k), block_rows=3)
    assert short == [(a[: min(less, k)], b[: min(less, k)]) for a, b in long]


@settings(max_examples=100, deadline=None)
@given(problems(), st.randoms(use_true_random=False))
def test_many_workers_and_a_merge_give_what_one_gives(problem, random):
    name, queries, rows, eligible, own, k, cuts, block_rows = problem
    whole = run(name, queries, rows, eligible, own, k, block_rows=block_rows)
    edges = sorted({0, *cuts, len(rows)})
    pieces = list(pairwise(edges))
    random.shuffle(pieces)
    parts = [
        SEARCHES[name](
            queries=queries,
            shards=[rows[start:stop]],
            first=start,
            eligible=eligible[start:stop],
            own=np.asarray(own, dtype=np.int64),
            k=k,
        )
        for start, stop in pieces
    ]
    merged = [
        search.merged([part[number] for part in parts], k=k) for number in range(len(queries))
    ]
    assert [(one.ordinals.tolist(), one.distances.tolist()) for one in merged] == whole


def test_near_ties_that_float32_cannot_tell_apart_come_out_in_the_exact_order():
    """Rows around 1000 that differ by the last bits: |q|² - 2qx + |x|² in float32 is all noise."""
    rng = np.random.default_rng(5)
    base = (1000 + rng.random(64)).astype(np.float32)
    steps = rng.integers(-3, 4, size=(500, 64))
    rows = base + steps.astype(np.float32) * np.float32(2**-14)
    own = np.array([0, 17, 400])
    eligible = np.ones(500, dtype=bool)
    expected = brute_force("euclidean", rows[own], rows, eligible, own, 50)
    in_float32 = ((rows**2).sum(axis=1) - 2 * rows[own] @ rows.T).argsort(axis=1)[:, :50]
    assert in_float32.tolist() != [ordinals for ordinals, _ in expected]
    for block_rows in (7, 100, 500):
        found = run("euclidean", rows[own], rows, eligible, own, 50, block_rows=block_rows)
        assert found == expected


@settings(max_examples=60, deadline=None)
@given(problems())
def test_long_vectors_summed_in_pieces_give_the_same(problem):
    name, queries, rows, eligible, own, k, cuts, block_rows = problem
    expected = run(name, queries, rows, eligible, own, k, cuts=cuts, block_rows=block_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(products, "SUMMED_AT_ONCE", 3)
        patch.setattr(products, "TILE_ROWS", 5)
        patch.setattr(definition, "EXACT_BYTES", 100)
        patch.setattr(screening, "FETCHED_BYTES", 100)
        found = run(name, queries, rows, eligible, own, k, cuts=cuts, block_rows=block_rows)
    assert found == expected


@pytest.mark.parametrize("dimensions", [1, 3, 512, 513, 3000])
@pytest.mark.parametrize("kind", ["positive", "mixed", "tiny", "wide"])
def test_the_bounds_of_the_screening_hold(dimensions, kind, monkeypatch):
    """Every noted row's |x|² - 2 q·x, in numbers of 64 bits mantissa, lies within its bounds."""
    rng = np.random.default_rng(dimensions)
    rows = rng.random((300, dimensions)) - (0.5 if kind == "mixed" else 0)
    if kind == "tiny":
        rows *= 1e-22
    if kind == "wide":
        rows *= 10.0 ** rng.integers(-9, 9, size=rows.shape)
    rows = rows.astype(np.float32)
    queries = (rows[:20] * np.float32(1.001)).astype(np.float32)
    noted = []

    def add(self, query, ordinals, lower, upper):
        noted.extend(zip(query.tolist(), ordinals.tolist(), lower, upper, strict=True))

    monkeypatch.setattr(candidates.Candidates, "add", add)
    search.euclidean(
        queries=queries,
        shards=[rows],
        first=0,
        eligible=np.ones(300, bool),
        own=np.full(20, -1),
        k=300,
        threads=1,
    )
    assert len(noted) == 20 * 300
    for query, ordinal, lower, upper in noted:
        x, q = rows[ordinal].astype(np.longdouble), queries[query].astype(np.longdouble)
        exact = (x * x).sum() - 2 * (x * q).sum()
        assert lower <= exact <= upper


@pytest.mark.parametrize("scale", [1e-30, 1e-20, 1e18, 1e30])
def test_values_far_outside_the_usual_range_are_ranked_exactly(scale):
    rng = np.random.default_rng(3)
    rows = (rng.random((200, 5)) * scale).astype(np.float32)
    eligible = np.ones(200, dtype=bool)
    own = np.array([4, 9])
    expected = brute_force("euclidean", rows[own], rows, eligible, own, 20)
    found = run("euclidean", rows[own], rows, eligible, own, 20, block_rows=64)
    assert [ordinals for ordinals, _ in found] == [ordinals for ordinals, _ in expected]


def test_rows_whose_squares_underflow_are_ranked_exactly():
    rng = np.random.default_rng(6)
    rows = (rng.random((400, 40)) * 1e-24).astype(np.float32)
    query = np.full((1, 40), 1e15, dtype=np.float32)
    eligible = np.ones(400, dtype=bool)
    expected = brute_force("euclidean", query, rows, eligible, [-1], 30)
    assert run("euclidean", query, rows, eligible, [-1], 30, block_rows=100) == expected


def test_rows_of_very_different_length_are_ranked_exactly():
    rng = np.random.default_rng(4)
    rows = (rng.random((300, 8)) * 10.0 ** rng.integers(-4, 19, size=(300, 1))).astype(np.float32)
    eligible = np.ones(300, dtype=bool)
    own = np.flatnonzero((rows**2).sum(axis=1) < 1e30)[:3]
    expected = brute_force("euclidean", rows[own], rows, eligible, own, 250)
    found = run("euclidean", rows[own], rows, eligible, own, 250, block_rows=50)
    assert [ordinals for ordinals, _ in found] == [ordinals for ordinals, _ in expected]


def test_when_all_rows_are_the_same_the_first_win_and_memory_stays_small(monkeypatch):
    rows = np.full((20_000, 3), 0.1, dtype=np.float32)
    eligible = np.ones(len(rows), dtype=bool)
    eligible[2] = False
    found = run("euclidean", rows[:1], rows, eligible, [1], 5, block_rows=1000)
    assert found == [([0, 3, 4, 5, 6], [0.0] * 5)]

    counts = []
    original = candidates.Candidates.prune

    def prune(self):
        original(self)
        counts.append(int(self.counts.max()))

    monkeypatch.setattr(candidates.Candidates, "prune", prune)
    run("euclidean", rows[:1], rows, eligible, [1], 5, block_rows=1000)
    assert max(counts) <= 1024 + 1000


@pytest.mark.parametrize("name", list(SEARCHES))
def test_the_memory_limit_changes_nothing(name):
    rng = np.random.default_rng(8)
    rows = rng.integers(0, 9, size=(3000, 16)).astype(np.float32)
    own = np.arange(0, 400, 10)
    eligible = rng.random(3000) > 0.1
    generous = run(name, rows[own], rows, eligible, own, 30)
    tight = run(name, rows[own], rows, eligible, own, 30, memory=100_000)
    assert generous == tight


def test_the_query_itself_is_left_out_and_its_copies_are_not():
    rows = np.array([[1.0, 0], [1, 0], [3, 0], [1, 0]], dtype=np.float32)
    found = run("euclidean", rows[[1]], rows, np.ones(4, bool), [1], 3)
    assert found == [([0, 3, 2], [0.0, 0.0, 2.0])]


def test_a_query_from_outside_may_find_every_row():
    rows = np.array([[0.0], [4], [2]], dtype=np.float32)
    found = run("euclidean", np.array([[1.5]], np.float32), rows, np.ones(3, bool), [-1], 9)
    assert found == [([2, 0, 1], [0.5, 1.5, 2.5])]


def test_progress_counts_every_row_once_and_its_error_ends_the_search():
    rows = np.zeros((100, 4), np.float32)
    told: list[int] = []
    run(
        "euclidean",
        rows[:3],
        rows,
        np.ones(100, bool),
        [-1] * 3,
        5,
        block_rows=30,
        on_rows=told.append,
    )
    assert told == [30, 60, 90, 100]

    def stop(rows):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("city block", rows[:3], rows, np.ones(100, bool), [-1] * 3, 5, on_rows=stop)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"k": 0}, "k must be", id="k of 0"),
        pytest.param({"queries": np.array([[np.nan, 0]])}, "finite", id="a query without a vector"),
        pytest.param({"queries": np.zeros((1, 3))}, "columns", id="another number of columns"),
        pytest.param({"eligible": np.ones(3, bool)}, "eligible", id="eligible of another length"),
        pytest.param({"own": np.array([0, 1])}, "own", id="own of another length"),
    ],
)
@pytest.mark.parametrize("name", list(SEARCHES))
def test_what_does_not_fit_is_refused(name, changes, words):
    given = {
        "queries": np.zeros((1, 2), np.float32),
        "shards": [np.zeros((4, 2), np.float32)],
        "first": 0,
        "eligible": np.ones(4, bool),
        "own": np.array([-1]),
        "k": 1,
    }
    with pytest.raises(ValueError, match=words):
        SEARCHES[name](**(given | changes))


def test_no_rows_give_empty_answers():
    found = search.euclidean(
        queries=np.zeros((2, 3), np.float32),
        shards=[],
        first=0,
        eligible=np.ones(0, bool),
        own=np.array([-1, -1]),
        k=4,
    )
    assert [len(one.ordinals) for one in found] == [0, 0]


def test_a_distance_does_not_depend_on_the_rows_that_come_with_it():
    rng = np.random.default_rng(1)
    rows = rng.random((700, 333)).astype(np.float32)
    together = search.euclidean_distances(query=rows[0], rows=rows)
    alone = [search.euclidean_distances(query=rows[0], rows=rows[i : i + 1])[0] for i in range(700)]
    assert together.tolist() == alone


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("values", [2, 1000], ids=["all are near ties", "hardly any tie"])
@pytest.mark.parametrize("name", list(SEARCHES))
def test_the_memory_stays_below_the_limit_whatever_the_number_of_rows(name, values, dtype):
    rng = np.random.default_rng(0)
    rows = rng.integers(0, values, size=(30_000, 16)).astype(dtype)
    limit = 12 * 2**20
    run(name, rows[:2].astype(np.float32), rows[:10], np.ones(10, bool), [-1, -1], 1)  # imports
    tracemalloc.start()
    try:
        run(
            name,
            rows[:60].astype(np.float32),
            rows,
            np.ones(len(rows), bool),
            [-1] * 60,
            40,
            memory=limit,
        )
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()
