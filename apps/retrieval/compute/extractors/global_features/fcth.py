"""Fuzzy colour and texture histogram, 192 values 0..7: 8 textures by 24 colours.

Chatzichristofis and Boutalis (2008), doi:10.1109/WIAMIS.2008.24, in the form that LIRE computes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features import quantised
from apps.retrieval.compute.extractors.global_features.colour import (
    COLOURS,
    fuzzy_colours,
    membership,
)
from apps.retrieval.compute.extractors.global_features.planes import (
    Doubles,
    Planes,
    Whole,
    even,
    mean_colours,
)

TEXTURES = 8
DIMENSIONS = TEXTURES * COLOURS
WANTED_BLOCKS = 40  # along a side
LEAST_SIDE = 4

# Low and high energy of the horizontal, vertical and diagonal differences.
LOW, HIGH = (0, 0, 20, 90), (20, 90, 255, 255)
LOW_VERTICAL, HIGH_VERTICAL = (0, 0, 20, 80), (20, 80, 255, 255)

# fmt: off
_T0 = [130.0887781556944, 9317.31301788632, 22434.355689233365, 43120.548602722061,
       83168.640165905046, 101430.52589975641, 174840.65838706805, 224480.41479670047]
_T1 = [*_T0[:5], 151430.52589975641, *_T0[6:]]
_T2 = [239.769468748322, 17321.704312335689, 39113.643180734696, 69333.512093874378,
       79122.46400035513, 90980.3325940354, 161795.93301552488, 184729.98648386425]
_T6 = [180.19686541079636, 23730.024499150866, 41457.152912541605, 53918.55437576842,
       69122.46400035513, 81980.3325940354, 91795.93301552488, 124729.98648386425]
# fmt: on
TABLES = np.array([_T0, _T1, _T2, _T2, _T2, _T2, _T6, _T6])


@dataclass(frozen=True)
class Blocks:
    """What an image is reduced to: a row per block.

    `colours` (blocks, 3) are mean red, green and blue; `energies` (blocks, 3) the root mean
    squares of the vertical, horizontal and diagonal differences.
    """

    colours: Whole
    energies: Doubles


def blocks_of(planes: Planes, *, wrap: bool = True) -> Blocks:
    """Mean colours and wavelet energies of an image's blocks.

    Args:
        planes: the image.
        wrap: narrow differences to a signed byte as LIRE does, where 200 becomes -56; without it
            they keep their size up to 255, where the classes of energy end.
    """
    high = max(LEAST_SIDE, even(planes.height // WANTED_BLOCKS))
    wide = max(LEAST_SIDE, even(planes.width // WANTED_BLOCKS))
    # A last block that fits exactly is left out.
    down, across = -(-planes.height // high) - 1, -(-planes.width // wide) - 1
    if down < 1 or across < 1:
        return Blocks(np.empty((0, 3), np.int64), np.empty((0, 3)))
    sums = np.empty((4 * down, across * wide))
    for rows in planes.strips(rows=down * high, unit=high):
        grey = np.trunc(planes.luma(rows)[:, : across * wide])
        sums[4 * rows.start // high : 4 * rows.stop // high] = _quarters(grey, side=high)
    cells = _quarters(np.ascontiguousarray(sums.T), side=wide).T
    means = cells.reshape(down, 4, across, 4).transpose(1, 3, 0, 2) / np.outer(
        _quarter_sizes(high), _quarter_sizes(wide)
    ).reshape(4, 4, 1, 1)
    return Blocks(
        mean_colours(planes, down=down, across=across, high=high, wide=wide),
        _energies(means, wrap=wrap),
    )


def _quarter_sizes(side: int) -> list[int]:
    """Rows of the four parts of a block of `side` rows: of half a block of 3, 1 and 2."""
    half, short = side // 2, side // 4
    return [short, half - short, short, half - short]


def _quarters(rows: Doubles, *, side: int) -> Doubles:
    """Sums of the four parts of every block of `side` rows, shape (4 blocks, columns)."""
    halves = rows.reshape(len(rows) // (side // 2), side // 2, -1)
    short = side // 4
    out = np.empty((len(halves), 2, halves.shape[2]))
    halves[:, :short].sum(axis=1, out=out[:, 0])
    halves[:, short:].sum(axis=1, out=out[:, 1])
    return out.reshape(2 * len(halves), -1)


def _energies(cells: Doubles, *, wrap: bool) -> Doubles:
    """Root mean squares over the four 2 x 2 groups of cells (4, 4, ...), shape (blocks, 3)."""
    p, q = cells[::2, ::2], cells[::2, 1::2]
    r, s = cells[1::2, ::2], cells[1::2, 1::2]
    differences = np.stack([-p - q + r + s, p - q + r - s, -p + q + r - s])
    whole = np.trunc(np.abs(differences, out=differences), out=differences)
    whole = np.mod(whole + 128, 256) - 128 if wrap else np.minimum(whole, 255)
    np.square(whole, out=whole)
    energies: Doubles = np.sqrt(whole.sum(axis=(1, 2)) / 4)
    return energies.reshape(3, -1).T


def histogram(blocks: Blocks) -> Doubles:
    """Shares of texture by colour before quantisation, shape (192,)."""
    total = np.zeros((TEXTURES, COLOURS))
    vertical, horizontal, diagonal = blocks.energies.T
    diagonals = membership(diagonal, LOW), membership(diagonal, HIGH)
    horizontals = membership(horizontal, LOW), membership(horizontal, HIGH)
    verticals = membership(vertical, LOW_VERTICAL), membership(vertical, HIGH_VERTICAL)
    colours = fuzzy_colours(*blocks.colours.T)
    for texture in range(TEXTURES):
        strength = np.minimum(
            np.minimum(diagonals[texture >> 2], horizontals[texture >> 1 & 1]),
            verticals[texture & 1],
        )
        here = np.flatnonzero(strength)
        total[texture] = (strength[here, None] * colours[here]).sum(axis=0)
    return quantised.normalised(total.ravel())


def levels(batch: Sequence[Blocks]) -> npt.NDArray[np.int64]:
    """Levels 0..7 of a batch, shape (images, 192)."""
    return quantised.levels(np.stack([histogram(blocks) for blocks in batch]), tables=TABLES)
