"""The examples of the specification for the two fuzzy histograms."""

import numpy as np
import pytest

from apps.retrieval.compute.extractors.global_features import cedd, fcth
from apps.retrieval.compute.extractors.global_features.planes import Planes
from tests.factories.pictures import black_then_white, grating, one_colour, white_over_blue


def nonzero(values: np.ndarray) -> dict[int, float]:
    return {int(bin): values[bin].item() for bin in np.flatnonzero(values)}


def levels_of(descriptor, image: np.ndarray) -> dict[int, float]:
    return nonzero(descriptor.levels([descriptor.blocks_of(Planes(image))])[0])


@pytest.mark.parametrize(
    ("descriptor", "image", "expected"),
    [
        pytest.param(fcth, one_colour(255, 255, 255), {0: 7}, id="fcth: white"),
        pytest.param(fcth, one_colour(255, 0, 0), {4: 7}, id="fcth: red"),
        pytest.param(fcth, one_colour(90, 140, 200), {18: 7, 19: 7}, id="fcth: a light blue"),
        pytest.param(fcth, one_colour(37, 37, 37), {1: 7, 2: 7}, id="fcth: a dark grey"),
        pytest.param(fcth, black_then_white(33), {0: 7, 1: 3, 2: 7}, id="fcth: an edge"),
        pytest.param(fcth, grating(200), {49: 7}, id="fcth: a grating is texture 2 in grey"),
        pytest.param(fcth, grating(255), {1: 7}, id="fcth: a difference of 510 wraps to -2"),
        pytest.param(fcth, white_over_blue(), {0: 7, 19: 7}, id="fcth: white over blue"),
        pytest.param(cedd, one_colour(255, 255, 255), {0: 7}, id="cedd: white"),
        pytest.param(cedd, one_colour(255, 0, 0), {4: 7}, id="cedd: red"),
        pytest.param(cedd, one_colour(90, 140, 200), {18: 6, 19: 7}, id="cedd: a light blue"),
        pytest.param(cedd, one_colour(37, 37, 37), {1: 6, 2: 7}, id="cedd: a dark grey"),
        pytest.param(cedd, black_then_white(33), {0: 4, 2: 7, 73: 6}, id="cedd: an edge"),
        pytest.param(cedd, grating(200), {73: 7}, id="cedd: a grating is vertical in grey"),
        pytest.param(cedd, grating(255), {73: 7}, id="cedd: so is one of full contrast"),
    ],
)
def test_levels_of_the_examples(descriptor, image, expected):
    assert levels_of(descriptor, image) == expected


@pytest.mark.parametrize(
    ("descriptor", "image", "expected"),
    [
        pytest.param(
            fcth,
            black_then_white(33),
            {0: 0.418333, 1: 0.048333, 2: 0.533333},
            id="fcth: 15 x 15 blocks, of which a column straddles the edge",
        ),
        pytest.param(
            fcth, white_over_blue(), {0: 10 / 19, 19: 9 / 19}, id="fcth: the last row is left out"
        ),
        # 20 x 20 blocks of 2 x 2: the 40 columns read are 33 black, 7 white.
        pytest.param(
            cedd, black_then_white(33), {0: 0.15, 2: 0.8, 73: 0.05}, id="cedd: one block of 20"
        ),
    ],
)
def test_shares_before_quantisation(descriptor, image, expected):
    shares = descriptor.histogram(descriptor.blocks_of(Planes(image)))
    assert nonzero(shares) == pytest.approx(expected, abs=1e-6)


def test_without_the_byte_wrap_a_grating_of_full_contrast_is_texture():
    blocks = fcth.blocks_of(Planes(grating(255)), wrap=False)
    assert nonzero(fcth.levels([blocks])[0]) == {49: 7}


@pytest.mark.parametrize("size", [(4, 200), (200, 4), (1, 1)], ids=str)
def test_fcth_of_an_image_without_a_block_is_zero(size):
    image = np.full((*size, 3), 200, dtype=np.uint8)
    assert levels_of(fcth, image) == {}


def test_cedd_of_an_image_without_a_block_is_zero():
    assert levels_of(cedd, np.full((1, 9, 3), 200, dtype=np.uint8)) == {}


def test_cedd_does_not_read_the_rest_at_the_right_and_below():
    image = one_colour(255, 0, 0, size=119)
    image[80:] = 0
    image[:, 80:] = 0
    assert levels_of(cedd, image) == {4: 7}
