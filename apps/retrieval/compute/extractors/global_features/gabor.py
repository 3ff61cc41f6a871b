"""Gabor moments, 60 values: mean and deviation of the response to 5 scales by 6 orientations.

Manjunath and Ma (1996), Texture features for browsing and retrieval of image data,
doi:10.1109/34.531803, with frequencies from 0.05 to 0.4 cycles a pixel, on the luma of the image
reduced to 64 pixels on its longer side.

Beyond its border an image is continued by reflection (edge pixels repeated). What continues so
is a sum of cosines, cos(pi k (x + 1/2) / n), and a filter turns each of them into a multiple of
itself (its even part) and of the sine (its odd part). So the filtered image is exactly four sums
of products of cosines and sines, which are products of small matrices; an orientation and its
mirror image share them. That is as exact as summing up, whatever the size of the filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from PIL import Image

from apps.retrieval.compute.extractors.global_features.planes import Doubles, Planes

SCALES, ORIENTATIONS = 5, 6
DIMENSIONS = 2 * SCALES * ORIENTATIONS
LONGEST = 64
LOWEST, HIGHEST = 0.05, 0.4  # cycles a pixel
RATIO = (HIGHEST / LOWEST) ** (1 / (SCALES - 1))
SIZES_KEPT = 16  # filters of so many sizes of images stay in memory, at most 2 MB each
AT_ONCE = LONGEST**2  # pixels that are filtered together: arrays of this size stay in cache

# Orientations 0 to 3 (of 0 to 90 degrees) are filtered; 4 and 5 are mirror images of 2 and 1.
# Of each, the parts that are even or odd in y and in x: a wave along x is even in y.
EVEN_EVEN = (0, 1, 2, 3)
EVEN_ODD = (0, 1, 2)
ODD_EVEN = (1, 2, 3)
ODD_ODD = (1, 2)


def reduced(planes: Planes) -> Doubles:
    """Luma without its mean, at most 64 x 64: Pillow's bilinear, never enlarged."""
    longest = max(planes.height, planes.width)
    if longest <= LONGEST:
        luma = planes.luminance(slice(0, planes.height))
    else:
        whole = np.empty((planes.height, planes.width), dtype=np.float32)  # all that Pillow takes
        for rows in planes.strips(rows=planes.height):
            whole[rows] = planes.luminance(rows)
        scale = LONGEST / longest
        size = [max(1, int(side * scale + 0.5)) for side in (planes.width, planes.height)]
        image = Image.fromarray(whole).resize((size[0], size[1]), Image.Resampling.BILINEAR)
        luma = np.asarray(image, dtype=np.float64)
    if luma.min() == luma.max():  # the mean may be off by a last digit
        return np.zeros_like(luma)
    without: Doubles = luma - luma.mean()
    return without


def deviations(*, scale: int) -> tuple[float, float]:
    """Deviations of the envelope along and across the wave, in pixels."""
    frequency = LOWEST * RATIO**scale
    along = (RATIO - 1) / (RATIO + 1) * frequency / np.sqrt(2 * np.log(2))
    across = np.tan(np.pi / 12) * np.sqrt(frequency**2 / (2 * np.log(2)) - along**2)
    return 1 / (2 * np.pi * along), 1 / (2 * np.pi * across)


def kernel(*, scale: int, orientation: int) -> npt.NDArray[np.complex128]:
    """The filter on the square -r..r, r three deviations; first index is y."""
    along, across = deviations(scale=scale)
    radius = int(np.ceil(3 * max(along, across)))
    angle = orientation * np.pi / ORIENTATIONS
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    turned_x = x * np.cos(angle) + y * np.sin(angle)
    turned_y = -x * np.sin(angle) + y * np.cos(angle)
    envelope = np.exp(-((turned_x / along) ** 2 + (turned_y / across) ** 2) / 2)
    wave = np.exp(2j * np.pi * LOWEST * RATIO**scale * turned_x)
    filtered: npt.NDArray[np.complex128] = envelope / (2 * np.pi * along * across) * wave
    return filtered


@dataclass(frozen=True)
class _Parts:
    """A scale's filters by parity in y and x; of each, one array (..., ..., ...) has them all."""

    even_even: Doubles
    even_odd: Doubles
    odd_even: Doubles
    odd_odd: Doubles


@lru_cache(maxsize=1)
def _quadrants() -> list[_Parts]:
    """Filters as sums over the quadrant y, x >= 0, (filters, r + 1, r + 1), for every scale."""
    return [
        _Parts(
            even_even=_folded(scale, EVEN_EVEN, odd_y=False, odd_x=False),
            even_odd=_folded(scale, EVEN_ODD, odd_y=False, odd_x=True),
            odd_even=_folded(scale, ODD_EVEN, odd_y=True, odd_x=False),
            odd_odd=_folded(scale, ODD_ODD, odd_y=True, odd_x=True),
        )
        for scale in range(SCALES)
    ]


def _folded(scale: int, orientations: Sequence[int], *, odd_y: bool, odd_x: bool) -> Doubles:
    filters = np.stack([kernel(scale=scale, orientation=one) for one in orientations])
    # The real part is the same at (-y, -x), the imaginary part its negative.
    values = filters.imag if odd_y != odd_x else filters.real
    values = values + (-values if odd_y else values)[:, ::-1]
    values = values + (-values if odd_x else values)[:, :, ::-1]
    radius = values.shape[1] // 2
    quadrant = values[:, radius:, radius:].copy()
    quadrant[:, 0] /= 2
    quadrant[:, :, 0] /= 2
    return quadrant


@dataclass(frozen=True)
class _Basis:
    """Cosines and sines of frequencies pi k / n at pixels, (n pixels, n frequencies)."""

    cosines: Doubles
    sines: Doubles
    analysis: Doubles  # (n frequencies, n pixels): from pixels to factors of the cosines


@lru_cache(maxsize=LONGEST)
def _basis(length: int) -> _Basis:
    angles = np.pi / length * np.outer(np.arange(length) + 0.5, np.arange(length))
    cosines = np.cos(angles)
    analysis = cosines.T * (2 / length)
    analysis[0] /= 2
    return _Basis(cosines, np.sin(angles), analysis)


@lru_cache(maxsize=SIZES_KEPT)
def _filters(height: int, width: int) -> list[_Parts]:
    """What the filters multiply cosines by, (filters, height, width), for every scale."""
    return [
        _Parts(
            even_even=_at_frequencies(parts.even_even, np.cos, np.cos, height, width),
            even_odd=_at_frequencies(parts.even_odd, np.cos, np.sin, height, width),
            odd_even=_at_frequencies(parts.odd_even, np.sin, np.cos, height, width),
            odd_odd=_at_frequencies(parts.odd_odd, np.sin, np.sin, height, width),
        )
        for parts in _quadrants()
    ]


def _at_frequencies(
    quadrant: Doubles, of_y: np.ufunc, of_x: np.ufunc, height: int, width: int
) -> Doubles:
    offsets = np.arange(quadrant.shape[1])
    waves_y = of_y(np.pi / height * np.outer(np.arange(height), offsets))
    waves_x = of_x(np.pi / width * np.outer(offsets, np.arange(width)))
    found: Doubles = waves_y @ quadrant @ waves_x
    return found


def moments(batch: Sequence[Doubles]) -> Doubles:
    """Mean and deviation of the magnitude of every response, scale by scale, shape (images, 60).

    Args:
        batch: reduced images; those of one size are filtered together.
    """
    out = np.empty((len(batch), DIMENSIONS))
    by_size: dict[tuple[int, ...], list[int]] = {}
    for index, image in enumerate(batch):
        by_size.setdefault(image.shape, []).append(index)
    for (height, width), indices in by_size.items():
        step = max(1, AT_ONCE // (height * width))
        for start in range(0, len(indices), step):
            some = indices[start : start + step]
            out[some] = _moments(np.stack([batch[index] for index in some]))
    return out


def _moments(images: Doubles) -> Doubles:
    """The moments of images of one size, (images, height, width).

    The products are of many small matrices, one by one, which the library does not spread over
    threads: on a busy machine each would wait for the other core far longer than it takes.
    """
    count, height, width = images.shape
    down, across = _basis(height), _basis(width)
    waves = (down.analysis @ images @ across.analysis.T)[:, None]

    def filtered(filters: Doubles, of_y: Doubles, of_x: Doubles) -> Doubles:
        parts: Doubles = of_y @ (waves * filters) @ of_x.T  # (images, filters, height, width)
        return parts

    out = np.empty((count, SCALES, ORIENTATIONS, 2))
    squared = np.empty((count, ORIENTATIONS, height, width))
    for scale, filters in enumerate(_filters(height, width)):
        even_even = filtered(filters.even_even, down.cosines, across.cosines)
        even_odd = filtered(filters.even_odd, down.cosines, across.sines)
        odd_even = filtered(filters.odd_even, down.sines, across.cosines)
        odd_odd = filtered(filters.odd_odd, down.sines, across.sines)
        squared[:, 0] = even_even[:, 0] ** 2 + even_odd[:, 0] ** 2
        squared[:, 3] = even_even[:, 3] ** 2 + odd_even[:, 2] ** 2
        real, imaginary = even_even[:, 1:3], odd_even[:, :2]
        odd, other = odd_odd, even_odd[:, 1:]  # these change their sign in the mirror
        squared[:, 1:3] = (real + odd) ** 2 + (imaginary + other) ** 2
        squared[:, 5:3:-1] = (real - odd) ** 2 + (imaginary - other) ** 2
        magnitude = np.sqrt(squared, out=squared)
        out[:, scale, :, 0] = magnitude.mean(axis=(2, 3))
        out[:, scale, :, 1] = magnitude.std(axis=(2, 3))
    return out.reshape(count, DIMENSIONS)
