"""An image by channel, and its luma by strips of rows.

Luma is in float64 and in a fixed order of operations: the descriptors truncate it, so a last
digit more or less would show (a grey of 46 has a luma of 45.99999999999999).
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.pixels import Pixels

Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]
Whole = npt.NDArray[np.int64]

# Pixels turned into float64 at a time. It bounds the memory of huge images, and it is speed:
# arrays that are larger come from the system as new pages, which cost ten times the arithmetic.
STRIP = 2**14


class Planes:
    """One image, channel by channel: `pixels` is (3, height, width)."""

    def __init__(self, image: Pixels) -> None:
        """Take an image (height, width, 3)."""
        self.height, self.width = image.shape[:2]
        self.pixels = np.ascontiguousarray(image.transpose(2, 0, 1))

    def strips(self, *, rows: int, unit: int = 1) -> Iterator[slice]:
        """Cut the rows 0..rows-1 into strips whose heights are multiples of `unit`."""
        step = unit * max(1, STRIP // (self.width * unit))
        for top in range(0, rows, step):
            yield slice(top, min(top + step, rows))

    def luma(self, rows: slice) -> Doubles:
        """Luma as FCTH and CEDD take it: (0.114 B + 0.587 G) + 0.299 R."""
        red, green, blue = self.pixels[:, rows]
        return _summed(blue, 0.114, green, 0.587, red, 0.299)

    def luminance(self, rows: slice) -> Doubles:
        """Luma as the other descriptors take it: (0.299 R + 0.587 G) + 0.114 B."""
        red, green, blue = self.pixels[:, rows]
        return _summed(red, 0.299, green, 0.587, blue, 0.114)


def _summed(a: Bytes, of_a: float, b: Bytes, of_b: float, c: Bytes, of_c: float) -> Doubles:
    total = np.multiply(a, of_a, dtype=np.float64)
    term = np.multiply(b, of_b, dtype=np.float64)
    total += term
    total += np.multiply(c, of_c, out=term, dtype=np.float64)
    return total


def video(luminance: Doubles) -> Bytes:
    """The whole numbers 16..234 that stand for luminance in MPEG-7; works in place.

    They are trunc(219 * luminance / 256 + 16.5); dividing by 256 is exact, wherever it is done.
    """
    luminance *= 219.0 / 256.0
    luminance += 16.5
    return luminance.astype(np.uint8)


def roomy(*, terms: int) -> npt.DTypeLike:
    """A type that holds sums of so many bytes; the smaller one is the faster one."""
    return np.uint16 if 255 * terms < 2**16 else np.int64


def block_sums(plane: Doubles | Bytes, *, down: int, across: int) -> Doubles:
    """Sums of blocks of `down` x `across` pixels, which divide the plane without rest."""
    dtype = roomy(terms=down) if plane.dtype == np.uint8 else np.float64
    by_row = plane.reshape(len(plane) // down, down, -1).sum(axis=1, dtype=dtype)
    sums: Doubles = by_row.reshape(len(by_row), -1, across).sum(axis=2, dtype=np.float64)
    return sums


def mean_colours(planes: Planes, *, down: int, across: int, high: int, wide: int) -> Whole:
    """Mean red, green and blue of `down` x `across` blocks, rounded down; shape (blocks, 3).

    A block is `high` x `wide` pixels; the first is at the top left, and they follow row by row.
    """
    pixels = planes.pixels[:, : down * high, : across * wide]
    by_row = pixels.reshape(3, -1, high, across * wide).sum(axis=2, dtype=roomy(terms=high))
    totals: Whole = by_row.reshape(3, -1, wide).sum(axis=2, dtype=np.int64)
    return (totals // (high * wide)).T


def even(number: int) -> int:
    return number - number % 2
