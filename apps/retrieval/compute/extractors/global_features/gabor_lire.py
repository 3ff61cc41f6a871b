"""What LIRE calls Gabor, 60 values: for comparison with systems that use it, not for search.

Its defects leave no texture: all values are multiples of two numbers of the red channel, its
mean and a spread. Our own moments are in `gabor.py`.
"""

from collections.abc import Sequence

import numpy as np

from apps.retrieval.compute.extractors.global_features.gabor import (
    HIGHEST,
    LOWEST,
    ORIENTATIONS,
    RATIO,
    SCALES,
)
from apps.retrieval.compute.extractors.global_features.planes import (
    Bytes,
    Doubles,
    Planes,
    Whole,
)

DIMENSIONS = 2 * SCALES * ORIENTATIONS
LONGEST = 64
ROOT = np.sqrt(2 * np.log(2))
MARGIN = 4  # rows and columns that LIRE leaves out, above and at the left
ORDER = (4, 0, 1, 2, 3)  # of the scales


def reduced(planes: Planes) -> Bytes:
    """The red channel with its longest side at 64 pixels, by LIRE's scaler.

    It takes two pixels each way, whatever lies between, in fixed point.
    """
    red: Bytes = planes.pixels[0]
    factor = LONGEST / max(red.shape)
    height, width = (int(side * factor + 0.5) for side in red.shape)
    if factor >= 1 or height <= 1 or width <= 1:
        return red.copy()
    top, bottom, down = _taps(red.shape[0], height)
    left, right, across = _taps(red.shape[1], width)

    def along(rows: Whole) -> Whole:
        first: Whole = red[np.ix_(rows, left)].astype(np.int64)
        second: Whole = red[np.ix_(rows, right)].astype(np.int64)
        return first * 256 + (second - first) * across

    above, below = along(top), along(bottom)
    mixed = above * 256 + (below - above) * down[:, None] + 32768
    scaled: Bytes = (mixed >> 16).astype(np.uint8)
    return scaled


def _taps(length: int, wanted: int) -> tuple[Whole, Whole, Whole]:
    """The two pixels of every place on an axis, and the weight of the second in 256ths."""
    inverse = 1 / (wanted / length)
    positions = int(0.5 * inverse * 2**32) - 2**31 + np.arange(wanted) * int(inverse * 2**32)
    first = positions >> 32
    last = length - 1
    return np.clip(first, 0, last), np.clip(first + 1, 0, last), (positions >> 24) & 255


def _factors() -> Doubles:
    """What the two numbers are multiplied by, (scales, orientations), in LIRE's order."""
    s, t = np.meshgrid(np.arange(4), np.arange(4), indexing="ij")
    factors = np.empty((SCALES, ORIENTATIONS))
    for scale in range(SCALES):
        stretch = RATIO**scale
        along = (RATIO + 1) * ROOT / (2 * np.pi * stretch * (RATIO - 1) * LOWEST)
        narrow = np.sqrt(HIGHEST**2 / (2 * np.log(2)) - (1 / (2 * np.pi * along)) ** 2)
        across = 1 / (2 * np.pi * np.tan(np.pi / 12) * narrow)
        for orientation in range(ORIENTATIONS):
            angle = orientation * np.pi / ORIENTATIONS
            wave = np.exp(2j * np.pi * LOWEST * (s * np.cos(angle) + t * np.sin(angle))).sum()
            factors[scale, orientation] = np.abs(wave) / stretch / (2 * np.pi * along * across)
    return factors[list(ORDER)]


FACTORS = _factors()


def moments(batch: Sequence[Bytes]) -> Doubles:
    """Mean and spread for every scale and orientation, shape (images, 60)."""
    return np.stack([_moments(image) for image in batch])


def _moments(image: Bytes) -> Doubles:
    inner = image[MARGIN:, MARGIN:].astype(np.float64).ravel()
    if min(image.shape) < MARGIN:  # LIRE fails here
        return np.zeros(DIMENSIONS)
    out = np.empty((FACTORS.size, 2))
    out[:, 0] = FACTORS.ravel() * inner.sum() / image.size
    for line, factor in zip(out, FACTORS.ravel().tolist(), strict=True):
        line[1] = np.sqrt(np.square(factor * inner - line[0]).sum()) / image.size
    return out.ravel()
