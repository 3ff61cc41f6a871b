"""The examples of the specification for the two descriptors of MPEG-7."""

import numpy as np
import pytest

from apps.retrieval.compute.extractors.global_features import cld, ehd
from apps.retrieval.compute.extractors.global_features.planes import Planes
from tests.factories.pictures import (
    black_then_white,
    grating,
    one_colour,
    white_over_blue,
)


def layout(image: np.ndarray) -> list[int]:
    return cld.levels([cld.grid_means(Planes(image))])[0].tolist()


def edges(image: np.ndarray) -> dict[int, int]:
    levels = ehd.levels([ehd.edge_shares(Planes(image))])[0]
    return {int(bin): int(levels[bin]) for bin in np.flatnonzero(levels)}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(one_colour(0, 0, 0), [2, *[16] * 9, 32, 16, 16, 32, 16, 16], id="black"),
        pytest.param(
            one_colour(255, 255, 255), [61, *[16] * 9, 32, 16, 16, 32, 16, 16], id="white"
        ),
        pytest.param(one_colour(128, 128, 128), [30, *[16] * 9, 32, 16, 16, 32, 16, 16], id="grey"),
        pytest.param(one_colour(255, 0, 0), [12, *[16] * 9, 6, 16, 16, 63, 16, 16], id="red"),
        pytest.param(
            one_colour(90, 140, 200), [32, *[16] * 9, 56, 16, 16, 11, 16, 16], id="a light blue"
        ),
        pytest.param(
            black_then_white(32),
            [30, 0, 16, 16, 16, 16, 28, 16, 16, 16, 32, 16, 16, 32, 16, 16],
            id="left half black, right half white",
        ),
        pytest.param(
            white_over_blue(),
            [36, 16, 31, 16, 16, 16, 16, 16, 16, 4, 61, 16, 0, 23, 16, 24],
            id="top half white, bottom half blue",
        ),
    ],
)
def test_colour_layout_of_the_examples(image, expected):
    assert layout(image) == expected


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(one_colour(90, 140, 200), {}, id="a constant image has no edges"),
        pytest.param(
            black_then_white(33), {10: 3, 30: 3, 50: 3, 70: 3}, id="one column of blocks sees it"
        ),
        pytest.param(black_then_white(32), {}, id="an edge between blocks is seen by none"),
        pytest.param(grating(), dict.fromkeys(range(0, 80, 5), 7), id="vertical edges everywhere"),
    ],
)
def test_edge_histogram_of_the_examples(image, expected):
    assert edges(image) == expected


def test_a_strength_of_exactly_eleven_is_an_edge():
    """3 x 3 quadrants with sums 1375, 1394, 1327, 1343: horizontal strength 99 / 9 = 11.

    The means of 9 pixels are not representable: computed from them it is 10.999999999999986.
    """
    sums = np.array([[1375, 1394], [1327, 1343]], dtype=np.float64).reshape(2, 2, 1, 1)
    direction, is_edge = ehd._directions(sums, pixels=9)
    assert (direction.item(), is_edge.item()) == (1, True)
    direction, is_edge = ehd._directions(sums / 9, pixels=1)
    assert not is_edge.item()


def test_a_short_side_is_repeated_not_filled_with_black():
    white = np.full((4, 40, 3), 255, dtype=np.uint8)
    assert layout(white) == layout(one_colour(255, 255, 255))
