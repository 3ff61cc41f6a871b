"""Section 1 of the specification: hue, saturation, value, and fuzzy colours."""

import colorsys

import numpy as np
import pytest

from apps.retrieval.compute.extractors.global_features.colour import (
    fuzzy_colours,
    hsv,
    membership,
)


def whole(*colours: tuple[int, int, int]) -> tuple[np.ndarray, ...]:
    return tuple(np.array(channel, dtype=np.int64) for channel in zip(*colours, strict=True))


@pytest.mark.parametrize(
    ("colour", "hue_saturation_value", "bins"),
    [
        pytest.param((255, 0, 0), (0, 255, 255), {4: 1.0}, id="red is pure red"),
        pytest.param((90, 140, 200), (211, 140, 200), {18: 0.4, 19: 0.6}, id="light and pure blue"),
        pytest.param((30, 200, 60), (129, 216, 200), {13: 1.0}, id="green"),
        pytest.param((128, 128, 128), (0, 0, 128), {1: 1.0}, id="grey"),
        pytest.param((37, 37, 37), (0, 0, 37), {1: 27 / 65, 2: 38 / 65}, id="grey and black"),
        pytest.param((255, 255, 255), (0, 0, 255), {0: 1.0}, id="white"),
        pytest.param((0, 0, 0), (0, 0, 0), {2: 1.0}, id="black"),
        # Hue 359 - 60 / 255 = 358.8, of the last class, which is red again.
        pytest.param((255, 0, 1), (358, 255, 255), {4: 1.0}, id="red from the other side"),
    ],
)
def test_the_examples(colour, hue_saturation_value, bins):
    assert tuple(int(one[0]) for one in hsv(*whole(colour))) == hue_saturation_value
    degrees = fuzzy_colours(*whole(colour))[0]
    assert {int(bin): degrees[bin] for bin in np.flatnonzero(degrees)} == pytest.approx(bins)


def test_hues_are_those_of_the_colour_circle_up_to_rounding():
    rng = np.random.default_rng(0)
    colours = rng.integers(0, 256, size=(2000, 3))
    hue, saturation, value = hsv(*colours.T)
    right = np.array([colorsys.rgb_to_hsv(*(colour / 255)) for colour in colours])
    apart = np.abs(hue - 360 * right[:, 0])
    assert np.minimum(apart, 360 - apart).max() <= 2
    assert np.abs(saturation - 255 * right[:, 1]).max() < 1 + 1e-9
    assert (value == colours.max(axis=1)).all()


@pytest.mark.parametrize(
    ("x", "degree"),
    [(-1, 0), (0, 0), (5, 0.5), (10, 1), (20, 1), (25, 0.5), (30, 0), (31, 0)],
)
def test_a_trapezoid_rises_stays_and_falls(x, degree):
    assert membership([x], (0, 10, 20, 30)).tolist() == [degree]


@pytest.mark.parametrize(("x", "degree"), [(0, 1), (10, 1), (-1, 0), (11, 0)])
def test_a_trapezoid_without_ramps_is_a_box(x, degree):
    assert membership([x], (0, 0, 10, 10)).tolist() == [degree]
