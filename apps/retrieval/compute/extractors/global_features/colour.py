"""Hue, saturation and value in whole numbers, and fuzzy colours of 24 bins (FCTH and CEDD).

The colours are 0 white, 1 grey, 2 black, and for red, orange, yellow, green, cyan, blue and
magenta three each: light, pure, dark. A colour belongs to several bins, to each by a degree.

Chatzichristofis and Boutalis (2008), CEDD, doi:10.1007/978-3-540-79547-6_30, and FCTH,
doi:10.1109/WIAMIS.2008.24, with the numbers that LIRE uses.
"""

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features.planes import Doubles, Whole

COLOURS = 24

# Corners of trapezoids (a, b, c, d): 0 at a, 1 from b to c, 0 at d.
HUES = (
    (0, 0, 5, 10),
    (5, 10, 35, 50),
    (35, 50, 70, 85),
    (70, 85, 150, 165),
    (150, 165, 195, 205),
    (195, 205, 265, 280),
    (265, 280, 315, 330),
    (315, 330, 360, 360),
)
COLOUR_OF_HUE = (0, 1, 2, 3, 4, 5, 6, 0)  # of the seven: the last class is red again
PALE_OR_FULL = ((0, 0, 10, 75), (10, 75, 255, 255))  # saturation
DARK_MIDDLE_BRIGHT = ((0, 0, 10, 75), (10, 75, 180, 220), (180, 220, 255, 255))  # value
LOW_OR_HIGH = ((0, 0, 68, 188), (68, 188, 255, 255))  # saturation and value, for the shade


def membership(x: npt.ArrayLike, corners: tuple[float, float, float, float]) -> Doubles:
    """Degree 0..1 to which `x` belongs to the class with these corners."""
    a, b, c, d = corners
    values = np.asarray(x, dtype=np.float64)
    degree = ((values >= b) & (values <= c)).astype(np.float64)
    if a < b:
        degree = np.where((values >= a) & (values < b), (values - a) / (b - a), degree)
    if c < d:
        degree = np.where((values > c) & (values <= d), 1 - (values - c) / (d - c), degree)
    return degree


def _table(classes: tuple[tuple[int, int, int, int], ...], *, size: int) -> Doubles:
    """Degrees of the whole numbers 0..size-1, shape (classes, size)."""
    return np.stack([membership(np.arange(size), corners) for corners in classes])


_PALE_OR_FULL = _table(PALE_OR_FULL, size=256)
_DARK_MIDDLE_BRIGHT = _table(DARK_MIDDLE_BRIGHT, size=256)
_LOW_OR_HIGH = _table(LOW_OR_HIGH, size=256)


def _neighbouring_hues() -> tuple[Whole, Doubles]:
    """The two classes that a hue may belong to and its degrees, shapes (360, 2), (2, 360).

    No hue belongs to three, so the other six need not be looked at.
    """
    degrees = _table(HUES, size=360)
    first = (degrees > 0).argmax(axis=0)
    second = np.minimum(first + 1, len(HUES) - 1)
    at = np.arange(360)
    second_degrees = np.where(second > first, degrees[second, at], 0.0)
    return np.stack([first, second], axis=1), np.stack([degrees[first, at], second_degrees])


_HUE_CLASSES, _HUE_DEGREES = _neighbouring_hues()


def hsv(red: Whole, green: Whole, blue: Whole) -> tuple[Whole, Whole, Whole]:
    """Hue 0..359, saturation and value 0..255 of whole numbers 0..255, with LIRE's rounding."""
    most = np.maximum(np.maximum(red, green), blue)
    least = np.minimum(np.minimum(red, green), blue)
    with np.errstate(divide="ignore", invalid="ignore"):
        saturation = np.where(most == 0, 0.0, 255 - 255 * (least / most))
        spread = (most - least).astype(np.float64)
        from_red = 60 * (green - blue) / spread
        hue = np.select(
            [most == least, (red == most) & (green >= blue), red == most, green == most],
            [0.0, from_red, 359 + from_red, 119 + 60 * (blue - red) / spread],
            default=239 + 60 * (red - green) / spread,
        )
    return hue.astype(np.int64), saturation.astype(np.int64), most


def fuzzy_colours(red: Whole, green: Whole, blue: Whole) -> Doubles:
    """Degrees to which colours (n,) of whole numbers 0..255 belong to the bins, shape (n, 24).

    Rules are added up, not normalised: a row may sum to more than 1.
    """
    hue, saturation, value = hsv(red, green, blue)
    pale, full = _PALE_OR_FULL[:, saturation]
    dark, middle, bright = _DARK_MIDDLE_BRIGHT[:, value]
    low_saturation, high_saturation = _LOW_OR_HIGH[:, saturation]
    low_value, high_value = _LOW_OR_HIGH[:, value]
    light = np.minimum(low_saturation, high_value)
    pure = np.minimum(high_saturation, high_value)
    shadow = np.minimum(low_saturation, low_value) + np.minimum(high_saturation, low_value)

    bins = np.zeros((len(red), COLOURS))
    at = np.arange(len(red))
    for degree, hue_class in zip(_HUE_DEGREES[:, hue], _HUE_CLASSES[hue].T, strict=True):
        pale_hue, full_hue = np.minimum(degree, pale), np.minimum(degree, full)
        bins[:, 0] += np.minimum(pale_hue, bright)
        bins[:, 1] += np.minimum(pale_hue, middle)
        bins[:, 2] += np.minimum(pale_hue, dark)
        bins[:, 2] += np.minimum(full_hue, dark)
        colour = np.minimum(full_hue, middle) + np.minimum(full_hue, bright)
        base = 3 + 3 * np.take(COLOUR_OF_HUE, hue_class)
        for offset, shade in enumerate((light, pure, shadow)):
            bins[at, base + offset] += colour * shade
    return bins
