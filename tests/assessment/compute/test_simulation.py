import statistics

import pytest

from apps.assessment.compute.simulation import (
    active_ms,
    answer,
    invented_level,
    leaning_of,
    level_of_labels,
    uniform,
)

LEVELS = [5, 4, 3, 2, 1]
SAME = {"fine_label": 5, "label": 4, "kind": 2}


@pytest.mark.parametrize(
    ("query", "candidate", "expected"),
    [
        pytest.param(
            {"fine_label": "pug", "label": "dog", "kind": "photo"},
            {"fine_label": "pug", "label": "dog", "kind": "photo"},
            5,
            id="all agree: the highest",
        ),
        pytest.param(
            {"fine_label": "pug", "label": "dog", "kind": "photo"},
            {"fine_label": "beagle", "label": "dog", "kind": "photo"},
            4,
            id="the highest of those that agree",
        ),
        pytest.param({"kind": "photo"}, {"kind": "photo"}, 2, id="only the kind"),
        pytest.param({"kind": "photo"}, {"kind": "chart"}, 1, id="nothing agrees: the lowest"),
        pytest.param({"label": ""}, {"label": ""}, 1, id="two empty words do not agree"),
        pytest.param({"label": None}, {}, 1, id="nor two missing ones"),
        pytest.param({"label": 7}, {"label": "7"}, 4, id="a number is its spelling"),
    ],
)
def test_level_of_labels(query, candidate, expected):
    assert level_of_labels(query, candidate, same=SAME, lowest=1) == expected


def test_invented_levels_are_fixed_by_the_seed_and_high_ones_are_rarer():
    drawn = [
        invented_level(levels=LEVELS, seed=1, query_id="q", image_id=str(n)) for n in range(5_000)
    ]
    assert drawn == [
        invented_level(levels=LEVELS, seed=1, query_id="q", image_id=str(n)) for n in range(5_000)
    ]
    # Weights 1, .6, .36, .216, .1296: shares .434, .260, .156, .094, .056; 3 deviations < .022
    shares = [drawn.count(level) / 5_000 for level in (1, 2, 3, 4, 5)]
    assert shares == pytest.approx([0.434, 0.260, 0.156, 0.094, 0.056], abs=0.022)


@pytest.mark.parametrize("truth", LEVELS)
@pytest.mark.parametrize("leaning", [-1, 0, 1])
def test_an_answer_is_right_as_often_as_asked_and_else_a_neighbour(truth, leaning):
    given = [
        answer(truth, levels=LEVELS, accuracy=0.8, leaning=leaning, draw=(truth, n))
        for n in range(2_000)
    ]
    right = given.count(truth) / 2_000
    assert right == pytest.approx(0.8, abs=0.027)  # 3 * sqrt(.8 * .2 / 2000)
    wrong = {level - truth for level in given} - {0}
    inwards = {1: {1}, 5: {-1}}.get(truth)
    assert wrong == (inwards or ({leaning} if leaning else {-1, 1}))


@pytest.mark.parametrize(("accuracy", "share"), [(1.0, 1.0), (0.0, 0.0)])
def test_always_and_never_right(accuracy, share):
    given = [answer(3, levels=LEVELS, accuracy=accuracy, leaning=0, draw=(n,)) for n in range(200)]
    assert given.count(3) / 200 == share


def test_leanings_are_of_all_three_kinds():
    drawn = [leaning_of(assessor=f"A{n}", seed=1) for n in range(300)]
    assert set(drawn) == {-1, 0, 1}
    assert all(70 < drawn.count(leaning) < 130 for leaning in (-1, 0, 1))


def test_times_are_positive_about_their_median():
    times = [active_ms(pace_ms=4_000, draw=(n,)) for n in range(2_000)]
    assert min(times) >= 1
    assert statistics.median(times) == pytest.approx(4_000, rel=0.05)


def test_uniform_numbers_are_uniform():
    drawn = [uniform("x", n) for n in range(5_000)]
    assert all(0 < number < 1 for number in drawn)
    assert statistics.fmean(drawn) == pytest.approx(0.5, abs=0.013)  # 3 * .2887 / sqrt(5000)
