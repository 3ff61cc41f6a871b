"""Colour layout descriptor, 16 values (10 Y, 3 Cb, 3 Cr).

MPEG-7 (ISO/IEC 15938-3), in the integer form that LIRE computes (see
docs/decisions/features_and_search.md); equal to it in every value of the reference vectors.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features.planes import (
    Bytes,
    Doubles,
    Planes,
    roomy,
    video,
)
from apps.retrieval.compute.pixels import Pixels

GRID = 8
COUNTS = (10, 3, 3)
DIMENSIONS = sum(COUNTS)

# fmt: off
ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
])
# fmt: on


def _dct_matrix() -> Doubles:
    """Orthonormal DCT-II of length 8 with entries of 7 significant digits, as in the standard."""
    u, x = np.arange(GRID)[:, None], np.arange(GRID)[None, :]
    exact = 0.5 * np.cos((2 * x + 1) * u * np.pi / 16)
    exact[0] = np.sqrt(1 / 8)
    return np.array([[float(f"{value:.7g}") for value in row] for row in exact])


DCT = _dct_matrix()


def grid_means(planes: Planes, *, lire_compat: bool = False) -> npt.NDArray[np.int64]:
    """Mean Y, Cb and Cr (integer division) of the cells of an 8 x 8 grid, shape (3, 8, 8).

    Args:
        planes: the image.
        lire_compat: a cell without pixels (a side below 8) is 0 in all channels, as in LIRE;
            otherwise the pixels of a short side are repeated 8 times, as in the MPEG-7 software.
    """
    if not lire_compat and min(planes.height, planes.width) < GRID:
        planes = Planes(_repeated(planes.pixels.transpose(1, 2, 0)))
    edges = np.searchsorted(_cells(planes.height), np.arange(GRID + 1)).tolist()
    by_row = np.zeros((3, GRID, planes.width), dtype=np.int64)
    for rows in planes.strips(rows=planes.height):
        channels = _ycbcr(planes, rows)
        dtype = roomy(terms=channels.shape[1])
        for cell in range(GRID):
            first = max(edges[cell] - rows.start, 0)
            end = edges[cell + 1] - rows.start
            if first < min(end, channels.shape[1]):
                by_row[:, cell] += channels[:, first:end].sum(axis=1, dtype=dtype)
    cells, starts = np.unique(_cells(planes.width), return_index=True)
    sums = np.zeros((3, GRID, GRID), dtype=np.int64)
    sums[:, :, cells] = np.add.reduceat(by_row, starts, axis=2)
    counts = np.outer(np.diff(edges), np.bincount(_cells(planes.width), minlength=GRID))
    return sums // np.maximum(counts, 1)


def _repeated(image: Pixels) -> Pixels:
    for axis in (0, 1):
        if image.shape[axis] < GRID:
            image = np.repeat(image, GRID, axis=axis)
    return image


def _cells(length: int) -> npt.NDArray[np.int64]:
    """The cell of every row or column, 0..7."""
    return np.trunc(np.arange(length) / (length / 8.0)).astype(np.int64)


def _ycbcr(planes: Planes, rows: slice) -> Bytes:
    """Y, Cb and Cr as whole numbers, (3, rows, width).

    Cb is trunc(224 * 0.564 * (B / 256 - luminance / 256) + 128.5). Dividing by 256 is exact, so
    doing it once, to the factor, gives the same numbers.
    """
    luminance = planes.luminance(rows)
    difference = np.empty_like(luminance)
    out = np.empty((3, *luminance.shape), dtype=np.uint8)
    for plane, channel, factor in ((out[1], 2, 224.0 * 0.564), (out[2], 0, 224.0 * 0.713)):
        np.subtract(planes.pixels[channel, rows], luminance, out=difference)
        difference *= factor / 256.0
        difference += 128.5
        plane[...] = difference
    out[0] = video(luminance)
    return out


def levels(
    batch: Sequence[npt.NDArray[np.int64]], *, counts: tuple[int, int, int] = COUNTS
) -> npt.NDArray[np.int64]:
    """Quantised DCT coefficients in zig-zag order.

    Args:
        batch: (3, 8, 8) of every image, from `grid_means`.
        counts: how many of the 64 to keep of Y, Cb and Cr.

    Returns:
        (images, sum of counts): the first of each channel 0..63, the others 0..31 (16 is zero).
    """
    cells = np.stack(batch)
    transformed = np.floor(DCT @ cells.astype(np.float64) @ DCT.T + 0.499999).astype(np.int64)
    flat = transformed.reshape(len(cells), 3, GRID * GRID)[:, :, ZIGZAG]
    out = []
    for channel, count in enumerate(counts):
        first, others = flat[:, channel, :1] >> 3, flat[:, channel, 1:count]
        out.append((FIRST_LUMA if channel == 0 else FIRST_CHROMA)[first])
        others = np.clip(others >> 1 if channel == 0 else others, -256, 255)
        out.append(OTHERS[others + 256])
    return np.concatenate(out, axis=1)


def _first_luma(v: int) -> int:
    if v > 192:
        quantised = 112 + ((v - 192) >> 2)
    elif v > 160:
        quantised = 96 + ((v - 160) >> 1)
    elif v > 96:
        quantised = 32 + (v - 96)
    elif v > 64:
        quantised = 16 + ((v - 64) >> 1)
    else:
        quantised = v >> 2
    return quantised >> 1


def _first_chroma(v: int) -> int:
    if v > 191:
        return 63
    if v > 160:
        return 56 + ((v - 160) >> 2)
    if v > 144:
        return 48 + ((v - 144) >> 1)
    if v > 112:
        return 16 + (v - 112)
    if v > 96:
        return 8 + ((v - 96) >> 1)
    return (v - 64) >> 2 if v > 64 else 0


def _other(u: int) -> int:
    size = abs(u)
    if size > 127:
        size = 64 + (size >> 2)
    elif size > 63:
        size = 32 + (size >> 1)
    return ((size if u >= 0 else -size) + 128) >> 3


# Levels of the first coefficient over 8 (0..255), and of the others (-256..255).
FIRST_LUMA = np.array([_first_luma(v) for v in range(256)])
FIRST_CHROMA = np.array([_first_chroma(v) for v in range(256)])
OTHERS = np.array([_other(u) for u in range(-256, 256)])
