"""Edge histogram descriptor, 80 values 0..7: 5 directions in each of 4 x 4 fields.

MPEG-7 (ISO/IEC 15938-3), in the form that LIRE computes and that this project fixes; equal to it
in every value on its test images. The directions are vertical, horizontal, 45 degrees,
135 degrees and none.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features.planes import (
    Doubles,
    Planes,
    block_sums,
    even,
    video,
)

WANTED_BLOCKS = 1100
THRESHOLD = 11.0
TYPES = 5
FIELDS = 4
DIMENSIONS = FIELDS * FIELDS * TYPES

# Quantisation tables of the standard, one row per direction.
TABLE = np.array(
    [
        [0.010867, 0.057915, 0.099526, 0.144849, 0.195573, 0.260504, 0.358031, 0.530128],
        [0.012266, 0.069934, 0.125879, 0.182307, 0.243396, 0.314563, 0.411728, 0.564319],
        [0.004193, 0.025852, 0.046860, 0.068519, 0.093286, 0.123490, 0.161505, 0.228960],
        [0.004174, 0.025924, 0.046232, 0.067163, 0.089655, 0.115391, 0.151904, 0.217745],
        [0.006778, 0.051667, 0.108650, 0.166257, 0.224226, 0.285691, 0.356375, 0.450972],
    ]
)
MIDPOINTS = (TABLE[:, :-1] + TABLE[:, 1:]) / 2.0


def edge_shares(planes: Planes, *, lire_compat: bool = False) -> Doubles:
    """Share of all blocks of a field whose strongest edge has a direction, shape (16, 5).

    Args:
        planes: the image.
        lire_compat: a field without any block (a side shorter than about 4 blocks) has infinite
            shares, which LIRE's division by zero turns into the top level; otherwise 0.
    """
    height, width = planes.height, planes.width
    side = max(2, even(int(np.sqrt(width * height / WANTED_BLOCKS))))
    down, across = height // side, width // side
    totals = np.zeros(FIELDS * FIELDS)
    edges = np.zeros(FIELDS * FIELDS * TYPES)
    if down and across:
        sums = _quadrant_sums(planes, down=down, across=across, side=side)
        direction, is_edge = _directions(sums, pixels=(side // 2) ** 2)
        row_field = np.floor(4.0 * (np.arange(down) * side) / height).astype(np.int64)
        column_field = np.floor(4.0 * (np.arange(across) * side) / width).astype(np.int64)
        of_block = FIELDS * row_field[:, None] + column_field[None, :]
        totals = np.bincount(of_block.ravel(), minlength=FIELDS * FIELDS).astype(np.float64)
        bins = (TYPES * of_block + direction)[is_edge]
        edges = np.bincount(bins, minlength=FIELDS * FIELDS * TYPES).astype(np.float64)
    shares = edges.reshape(FIELDS * FIELDS, TYPES) / np.maximum(totals, 1)[:, None]
    if lire_compat:
        shares[totals == 0] = np.inf
    return shares


def _quadrant_sums(planes: Planes, *, down: int, across: int, side: int) -> Doubles:
    """Summed luminance of the quarters of every block, (2 down, 2 across, blocks, blocks)."""
    sums = np.empty((2 * down, 2 * across))
    half = side // 2
    for rows in planes.strips(rows=down * side, unit=half):
        plane = video(planes.luminance(rows))[:, : across * side]
        sums[rows.start // half : rows.stop // half] = block_sums(plane, down=half, across=half)
    return sums.reshape(down, 2, across, 2).transpose(1, 3, 0, 2)


def _directions(
    sums: Doubles, *, pixels: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    """The strongest direction of every block (lowest index on a tie), and whether it is an edge.

    Works on sums of whole numbers, not on means: a strength of exactly 11 stays exactly that,
    whereas a mean over 9 pixels would fall just below.
    """
    (a1, a2), (a3, a4) = sums
    root = np.sqrt(2.0)
    strengths = np.stack(
        [
            np.abs(a1 - a2 + a3 - a4),
            np.abs(a1 + a2 - a3 - a4),
            np.abs(root * a1 - root * a4),
            np.abs(root * a2 - root * a3),
            np.abs(2.0 * a1 - 2.0 * a2 - 2.0 * a3 + 2.0 * a4),
        ]
    )
    direction = strengths.argmax(axis=0)
    return direction, strengths.max(axis=0) >= THRESHOLD * pixels


def levels(batch: Sequence[Doubles]) -> npt.NDArray[np.int64]:
    """Quantise the shares of a batch to levels 0..7, shape (images, 80): field by field."""
    shares = np.stack(batch)
    above = shares[..., None] > MIDPOINTS  # (images, 16, 5, 7)
    counts: npt.NDArray[np.int64] = above.sum(axis=-1)
    return counts.reshape(len(shares), -1)
