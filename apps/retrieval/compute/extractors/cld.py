"""Colour layout descriptor, 16 values (10 Y, 3 Cb, 3 Cr).

MPEG-7 (ISO/IEC 15938-3), in the integer form that LIRE computes (see
docs/decisions/features_and_search.md); equal to it in every value of the reference vectors.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.pixels import Pixels

GRID = 8
STRIP = 2**15  # pixels turned into float64 at a time: bounds the memory of huge images
COUNTS = (10, 3, 3)

# fmt: off
ZIGZAG = np.array([
    0, 1, 8, 16, 9, 2, 3, 10, 17, 24, 32, 25, 18, 11, 4, 5, 12, 19, 26, 33, 40, 48, 41, 34, 27, 20,
    13, 6, 7, 14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51, 58, 59,
    52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
])
# fmt: on


def _dct_matrix() -> npt.NDArray[np.float64]:
    """Orthonormal DCT-II of length 8 with entries of 7 significant digits, as in the standard."""
    u, x = np.arange(GRID)[:, None], np.arange(GRID)[None, :]
    exact = 0.5 * np.cos((2 * x + 1) * u * np.pi / 16)
    exact[0] = np.sqrt(1 / 8)
    return np.array([[float(f"{value:.7g}") for value in row] for row in exact])


DCT = _dct_matrix()


class ColourLayout:
    name = "cld"
    version = "cld.1"
    dimensions = {"cld": sum(COUNTS)}
    batch_size = 64

    def prepare(self, image: Pixels) -> npt.NDArray[np.int64]:
        """Reduce an image (height, width, 3) to the mean colours of its grid, (3, 8, 8)."""
        return grid_means(image=image)

    def extract(
        self, batch: Sequence[npt.NDArray[np.int64]], *, spaces: Sequence[str] = ("cld",)
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Turn prepared images into levels 0..63, shape (images, 16): Y, then Cb, then Cr."""
        return {"cld": coefficients(cells=np.stack(batch)).astype(np.float32)}


def grid_means(*, image: Pixels, lire_compat: bool = False) -> npt.NDArray[np.int64]:
    """Mean Y, Cb and Cr (integer division) of the cells of an 8 x 8 grid, shape (3, 8, 8).

    Args:
        image: (height, width, 3) uint8.
        lire_compat: a cell without pixels (a side below 8) is 0 in all channels, as in LIRE;
            otherwise the pixels of a short side are repeated 8 times, as in the MPEG-7 software.
    """
    if not lire_compat:
        for axis in (0, 1):
            if image.shape[axis] < GRID:
                image = np.repeat(image, GRID, axis=axis)
    height, width = image.shape[:2]
    cell_of_row = np.trunc(np.arange(height) / (height / 8.0)).astype(np.int64)
    cell_of_column = np.trunc(np.arange(width) / (width / 8.0)).astype(np.int64)
    columns_here, column_starts = np.unique(cell_of_column, return_index=True)
    sums = np.zeros((3, GRID, GRID), dtype=np.int64)
    step = max(1, STRIP // width)
    for top in range(0, height, step):
        channels = _ycbcr(image[top : top + step])  # (3, rows, width), whole numbers
        rows_here, row_starts = np.unique(cell_of_row[top : top + step], return_index=True)
        ends = [*row_starts[1:], channels.shape[1]]
        # Sums of slices: reduceat along this axis is ten times slower.
        by_row = np.stack(
            [
                channels[:, start:end].sum(axis=1)
                for start, end in zip(row_starts, ends, strict=True)
            ],
            axis=1,
        )
        by_cell = np.add.reduceat(by_row, column_starts, axis=2)
        sums[:, rows_here[:, None], columns_here[None, :]] += by_cell.astype(np.int64)
    counts = np.outer(
        np.bincount(cell_of_row, minlength=GRID), np.bincount(cell_of_column, minlength=GRID)
    )
    return sums // np.maximum(counts, 1)


def _ycbcr(strip: Pixels) -> npt.NDArray[np.float64]:
    r, g, b = (strip[:, :, channel].astype(np.float64) for channel in range(3))
    y = (0.299 * r + 0.587 * g + 0.114 * b) / 256.0
    out = np.empty((3, *y.shape))
    out[0] = 219.0 * y + 16.5
    out[1] = 224.0 * 0.564 * (b / 256.0 - y) + 128.5
    out[2] = 224.0 * 0.713 * (r / 256.0 - y) + 128.5
    return np.trunc(out, out=out)


def coefficients(
    *, cells: npt.NDArray[np.int64], counts: tuple[int, int, int] = COUNTS
) -> npt.NDArray[np.int64]:
    """Quantised DCT coefficients in zig-zag order.

    Args:
        cells: (images, 3, 8, 8) from `grid_means`.
        counts: how many of the 64 to keep of Y, Cb and Cr.

    Returns:
        (images, sum of counts): the first of each channel 0..63, the others 0..31 (16 is zero).
    """
    transformed = np.floor(DCT @ cells.astype(np.float64) @ DCT.T + 0.499999).astype(np.int64)
    flat = transformed.reshape(len(cells), 3, GRID * GRID)[:, :, ZIGZAG]
    channels = []
    for channel, count in enumerate(counts):
        values = flat[:, channel, :count]
        first = (
            _first_luma(values[:, :1] >> 3) if channel == 0 else _first_chroma(values[:, :1] >> 3)
        )
        others = values[:, 1:] >> 1 if channel == 0 else values[:, 1:]
        channels += [first, _other(others)]
    return np.concatenate(channels, axis=1)


def _first_luma(v: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    quantised = np.select(
        [v > 192, v > 160, v > 96, v > 64],
        [112 + ((v - 192) >> 2), 96 + ((v - 160) >> 1), 32 + (v - 96), 16 + ((v - 64) >> 1)],
        default=v >> 2,
    )
    return quantised >> 1


def _first_chroma(v: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.select(
        [v > 191, v > 160, v > 144, v > 112, v > 96, v > 64],
        [
            np.full_like(v, 63),
            56 + ((v - 160) >> 2),
            48 + ((v - 144) >> 1),
            16 + (v - 112),
            8 + ((v - 96) >> 1),
            (v - 64) >> 2,
        ],
        default=0,
    )


def _other(u: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    clipped = np.clip(u, -256, 255)
    size = np.abs(clipped)
    coarse = np.select([size > 127, size > 63], [64 + (size >> 2), 32 + (size >> 1)], default=size)
    return (np.sign(clipped) * coarse + 128) >> 3
