"""Colour and edge directivity descriptor, 144 values 0..7: 6 textures by 24 colours.

Chatzichristofis and Boutalis (2008), doi:10.1007/978-3-540-79547-6_30, in the form that LIRE
computes. The textures are none, non-directional, horizontal, vertical, 45 and 135 degrees.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features import quantised
from apps.retrieval.compute.extractors.global_features.colour import COLOURS, fuzzy_colours
from apps.retrieval.compute.extractors.global_features.planes import (
    Doubles,
    Planes,
    Whole,
    block_sums,
    even,
    mean_colours,
)

TEXTURES = 6
DIMENSIONS = TEXTURES * COLOURS
FLAT_BELOW = 14.0
# Shares of the strongest difference that make a block belong to textures 1 to 5.
THRESHOLDS = np.array([0.68, 0.98, 0.98, 0.98, 0.98])

# fmt: off
_T0 = [180.19686541079636, 23730.024499150866, 61457.152912541605, 113918.55437576842,
       179122.46400035513, 260980.3325940354, 341795.93301552488, 554729.98648386425]
_T1 = [209.25176965926232, 22490.5872862417345, 60250.8935141849988, 120705.788057580583,
       181128.08709063051, 234132.081356900555, 325660.617733105708, 520702.175858657472]
_T2 = [405.4642173212585, 4877.9763319071481, 10882.170090625908, 18167.239081219657,
       27043.385568785292, 38129.413201299016, 52675.221316293857, 79555.402607004813]
_T4 = [968.88475977695578, 10725.159033657819, 24161.205360376698, 41555.917344385321,
       62895.628446402261, 93066.271379694881, 136976.13317822068, 262897.86056221306]
# fmt: on
TABLES = np.array([_T0, _T1, _T2, _T2, _T4, _T4])


@dataclass(frozen=True)
class Blocks:
    """What an image is reduced to: a row per block.

    `colours` (blocks, 3) are mean red, green and blue; `quarters` (blocks, 4) the mean luma,
    rounded down, of top left, top right, bottom left and bottom right.
    """

    colours: Whole
    quarters: Doubles


def blocks_of(planes: Planes) -> Blocks:
    """Mean colours and lumas of an image's blocks; the rest at the right and below is not read."""
    shorter = min(planes.height, planes.width)
    if shorter >= 40:
        down = across = 40 if shorter >= 80 else 20
        high, wide = even(planes.height // down), even(planes.width // across)
    else:
        high = wide = 2
        down, across = planes.height // 2, planes.width // 2
    if down < 1 or across < 1:
        return Blocks(np.empty((0, 3), np.int64), np.empty((0, 4)))
    sums = np.empty((2 * down, 2 * across))
    half_high, half_wide = high // 2, wide // 2
    for rows in planes.strips(rows=down * high, unit=half_high):
        luma = planes.luma(rows)[:, : across * wide]
        here = slice(rows.start // half_high, rows.stop // half_high)
        sums[here] = block_sums(luma, down=half_high, across=half_wide)
    means = np.trunc(sums * (4.0 / (wide * high)))
    return Blocks(
        mean_colours(planes, down=down, across=across, high=high, wide=wide),
        means.reshape(down, 2, across, 2).transpose(0, 2, 1, 3).reshape(-1, 4),
    )


def histogram(blocks: Blocks) -> Doubles:
    """Shares of texture by colour before quantisation, shape (144,)."""
    colours = fuzzy_colours(*blocks.colours.T)
    total = np.zeros((TEXTURES, COLOURS))
    for texture, members in enumerate(_members(blocks.quarters)):
        total[texture] = colours[members].sum(axis=0)
    return quantised.normalised(total.ravel())


def _members(quarters: Doubles) -> npt.NDArray[np.bool_]:
    """Which blocks belong to each texture, shape (6, blocks); a block may belong to several."""
    a1, a2, a3, a4 = quarters.T
    root = np.sqrt(2.0)
    strengths = np.stack(
        [
            2.0 * np.abs(a1 - a2 - a3 + a4),
            np.abs(a1 + a2 - a3 - a4),
            np.abs(a1 - a2 + a3 - a4),
            root * np.abs(a1 - a4),
            root * np.abs(a2 - a3),
        ]
    )
    strongest = strengths.max(axis=0)
    flat = strongest < FLAT_BELOW
    above = strengths / np.where(flat, 1.0, strongest) > THRESHOLDS[:, None]
    return np.concatenate([flat[None], above & ~flat])


def levels(batch: Sequence[Blocks]) -> npt.NDArray[np.int64]:
    """Levels 0..7 of a batch, shape (images, 144)."""
    return quantised.levels(np.stack([histogram(blocks) for blocks in batch]), tables=TABLES)
