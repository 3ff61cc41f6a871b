import math

import pytest

from apps.assessment.protocols import Answer, protocol_named
from apps.assessment.protocols.graded_pair import REASONS, check_answer, export_row
from apps.common.errors import InvalidError


def scale(*levels):
    return [{"level": level, "name": f"Level {level}"} for level in levels]


FIVE = scale(5, 4, 3, 2, 1)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        pytest.param({"level": 1}, Answer(1, ""), id="the lowest level"),
        pytest.param({"level": 5}, Answer(5, ""), id="the highest level"),
        pytest.param({"level": 3, "unjudgeable": ""}, Answer(3, ""), id="an empty reason is none"),
        *(
            pytest.param({"unjudgeable": reason.code}, Answer(None, reason.code), id=reason.code)
            for reason in REASONS
        ),
    ],
)
def test_an_answer_is_a_level_or_a_reason(given, expected):
    assert check_answer(scale=FIVE, **{"level": None, "unjudgeable": None} | given) == expected


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param({}, "level", id="neither"),
        pytest.param({"level": 3, "unjudgeable": "other"}, "level", id="both"),
        pytest.param({"level": 0}, "level", id="below the scale"),
        pytest.param({"level": 6}, "level", id="above the scale"),
        pytest.param({"level": -1}, "level", id="negative"),
        pytest.param({"level": True}, "level", id="true is not 1"),
        pytest.param({"level": False}, "level", id="false"),
        pytest.param({"level": "3"}, "level", id="a text"),
        pytest.param({"level": 2.5}, "level", id="between two levels"),
        pytest.param({"level": 3.0}, "level", id="a float, whole as it is"),
        pytest.param({"level": math.nan}, "level", id="not a number"),
        pytest.param({"level": math.inf}, "level", id="infinite"),
        pytest.param({"level": [3]}, "level", id="a list"),
        pytest.param({"level": {}}, "level", id="an object"),
        pytest.param({"unjudgeable": "boring"}, "unjudgeable", id="a reason that is none"),
        pytest.param({"unjudgeable": True}, "unjudgeable", id="true is no reason"),
        pytest.param({"unjudgeable": 0}, "unjudgeable", id="nor is 0"),
    ],
)
def test_all_else_is_refused_with_its_field(given, field):
    with pytest.raises(InvalidError) as refusal:
        check_answer(scale=FIVE, **{"level": None, "unjudgeable": None} | given)
    assert refusal.value.field == field


@pytest.mark.parametrize(
    ("levels", "good", "bad"),
    [
        pytest.param((2, 1), [1, 2], [0, 3], id="two levels"),
        pytest.param(range(11, 0, -1), [1, 11], [0, 12], id="eleven levels"),
    ],
)
def test_the_scale_is_the_studys_own(levels, good, bad):
    for level in good:
        assert check_answer(scale=scale(*levels), level=level, unjudgeable=None).level == level
    for level in bad:
        with pytest.raises(InvalidError, match=f"from 1 to {max(levels)}"):
            check_answer(scale=scale(*levels), level=level, unjudgeable=None)


@pytest.mark.parametrize(
    ("level", "unjudgeable", "cells"),
    [
        pytest.param(4, "", ["4", "judged"], id="a level"),
        pytest.param(None, "too_small", ["", "unjudgeable:too_small"], id="a reason"),
    ],
)
def test_export_row(level, unjudgeable, cells):
    assert export_row(level=level, unjudgeable=unjudgeable) == cells


def test_an_unknown_protocol_is_refused_with_those_there_are():
    with pytest.raises(InvalidError, match="graded_pair"):
        protocol_named("triplet")
