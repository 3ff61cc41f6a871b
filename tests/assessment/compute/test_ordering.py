import numpy as np
import pytest
from scipy import stats

from apps.assessment.compute.ordering import (
    candidate_order,
    joined_order,
    query_order,
    seeded_order,
)

IMAGES = [f"images/{number:04d}.png" for number in range(60)]


def test_the_order_is_a_permutation_fixed_by_its_seed():
    order = candidate_order(IMAGES, seed=2017, assessor="A01", query_id="q001")
    assert sorted(order) == IMAGES
    assert order != IMAGES
    assert order == candidate_order(IMAGES, seed=2017, assessor="A01", query_id="q001")


def test_the_order_is_the_same_on_every_machine_and_version():
    # `printf '[1, "x", "a"]' | sha256sum` and so on: a 649a, b e0c8, c c235
    assert seeded_order("abc", seed=1, purpose=("x",)) == ["a", "c", "b"]


def test_the_order_does_not_depend_on_how_the_names_come():
    shuffled = list(np.random.default_rng(7).permutation(IMAGES))
    given = {"seed": 1, "assessor": "A01", "query_id": "q001"}
    assert candidate_order(shuffled, **given) == candidate_order(IMAGES, **given)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param({"seed": 2}, id="another seed"),
        pytest.param({"assessor": "A02"}, id="another assessor"),
        pytest.param({"query_id": "q002"}, id="another query"),
    ],
)
def test_another_seed_assessor_or_query_gives_an_unrelated_order(other):
    given = {"seed": 1, "assessor": "A01", "query_id": "q001"}
    one = candidate_order(IMAGES, **given)
    two = candidate_order(IMAGES, **given | other)
    rho = stats.spearmanr([one.index(name) for name in IMAGES], [two.index(n) for n in IMAGES])
    assert abs(rho.statistic) < 0.4  # 3 standard deviations (1 / sqrt(59)) of chance


def test_words_are_kept_apart():
    one = seeded_order(IMAGES, seed=1, purpose=("ab", "c"))
    assert one != seeded_order(IMAGES, seed=1, purpose=("a", "bc"))


def test_a_name_that_comes_twice_is_refused():
    with pytest.raises(ValueError, match="distinct"):
        query_order(["q1", "q1"], seed=1, assessor="A01")


def test_order_says_nothing_about_rank_over_ten_thousand_sequences():
    # Candidates come best first; every one of 20 places must be as likely for every rank.
    n, trials = 20, 10_000
    names = IMAGES[:n]
    places = np.empty((trials, n), dtype=int)
    for trial in range(trials):
        order = candidate_order(names, seed=trial, assessor="A01", query_id="q001")
        places[trial] = [order.index(name) for name in names]
    counts = np.stack([np.bincount(places[:, rank], minlength=n) for rank in range(n)])
    # Rows and columns of the table are fixed sums, hence (n - 1)² degrees of freedom, and each
    # cell's variance is (n - 1) / n of the independent case.
    chi_square = ((counts - trials / n) ** 2 / (trials / n)).sum() * (n - 1) / n
    assert stats.chi2.sf(chi_square, (n - 1) ** 2) > 0.001
    rho = np.corrcoef(np.tile(np.arange(n), trials), places.ravel())[0, 1]
    assert abs(rho) < 0.03


def test_a_candidate_that_one_method_found_comes_no_earlier_than_others():
    rng = np.random.default_rng(3)
    first, mean = [], []
    for trial in range(2_000):
        found = rng.random(30) < 0.3
        order = candidate_order(IMAGES[:30], seed=9, assessor="A01", query_id=f"q{trial}")
        place = np.array([order.index(name) for name in IMAGES[:30]])
        first.append(found[place.argmin()])
        mean.append(place[found].mean() - place[~found].mean())
    assert stats.binomtest(sum(first), len(first), 0.3).pvalue > 0.001
    assert stats.ttest_1samp(mean, 0).pvalue > 0.001


GIVEN = {"seed": 2017, "assessor": "A01", "query_id": "q001"}


@pytest.mark.parametrize("n_there", [0, 1, 30, 59, 60])
def test_who_joins_stands_where_they_would_have_stood_from_the_start(n_there):
    there, joining = IMAGES[:n_there], IMAGES[n_there:]
    joined = joined_order(candidate_order(there, **GIVEN), joining, **GIVEN)
    assert joined == candidate_order(IMAGES, **GIVEN)


def test_who_was_there_in_another_order_keeps_it():
    there = sorted(IMAGES[:30])
    joined = joined_order(there, IMAGES[30:], **GIVEN)
    assert sorted(joined) == IMAGES
    assert [name for name in joined if name in there] == there
    assert joined == joined_order(there, IMAGES[:29:-1], **GIVEN)


def test_nobody_joins_twice():
    with pytest.raises(ValueError, match="there already"):
        joined_order(["a", "b"], ["b"], **GIVEN)
