"""Products of queries and rows in float32 or coarser, with a proven bound on their error.

Bounds use u = 2^-24 (float32), v = 2^-8 (bfloat16) and g(n) = n u / (1 - n u): a sum of n products
in float32 is off by at most g(n) sum |a_i b_i|, in whatever order it is summed, with or without
fused additions (Higham, Accuracy and Stability of Numerical Algorithms, 2002, equation 3.5 and
lemma 3.3). Dimensions are taken in c pieces of m = 512, added up in float32, so that a whole
product takes part in no more than m + c additions.
"""

import time
from copy import copy
from functools import lru_cache
from typing import Any, Protocol, Self

import numpy as np

from apps.retrieval.compute.search.base import Doubles, Floats

UNIT_32 = 2.0**-24  # half the gap between 1 and the next float32
UNIT_BRAIN = 2.0**-8  # the same of bfloat16
SUMMED_AT_ONCE = 512  # dimensions of one product: shorter sums have closer bounds
TILE_ROWS = 512  # widened at a time: 1 MiB of float32, which stays in a core's cache
COMPARED = 15  # times, to find out
LEAST_GAIN = 1.3  # coarse products must be faster by so much to be worth their wider bounds


class Products(Protocol):
    """Multiplies blocks of rows with the queries; one object serves one thread.

    Attributes:
        growth: (queries,): a product is off by at most growth |q||x|, and a norm by at most
            `norm_growth` |x|²; both but for products that underflow.
        is_coarse: there are products with closer bounds, which take longer.
    """

    growth: Doubles
    norm_growth: float
    is_coarse: bool

    def of(self, rows: Floats) -> tuple[Floats, Floats]:
        """-2 q·x of shape (queries, rows), overwritten by the next call, and |x|² (rows,)."""
        ...

    def for_another_thread(self) -> Self:
        """The same queries, shared, with memory of its own for the results."""
        ...


def pieces(dimensions: int) -> list[slice]:
    step = SUMMED_AT_ONCE
    return [slice(at, min(at + step, dimensions)) for at in range(0, dimensions, step)]


def growth_of(dimensions: int) -> float:
    """g(m + c), with room for four more roundings."""
    terms = min(dimensions, SUMMED_AT_ONCE) + len(pieces(dimensions))
    return terms * UNIT_32 / (1 - terms * UNIT_32) + 4 * UNIT_32


class NumpyProducts:
    """In float32 by NumPy, for rows in float32: needs nothing else."""

    is_coarse = False

    def __init__(self, queries: Floats, *, block_rows: int) -> None:
        count, dimensions = queries.shape
        self.growth: Doubles = np.full(count, growth_of(dimensions))
        self.norm_growth = growth_of(dimensions)
        self._pieces = pieces(dimensions)
        self._doubled = np.ascontiguousarray(-2.0 * queries.astype(np.float32))  # exact: times 2
        self._products = np.empty(count * block_rows, np.float32)

    def of(self, rows: Floats) -> tuple[Floats, Floats]:
        count = len(self._doubled)
        products = self._products[: count * len(rows)].reshape(count, len(rows))
        norms = np.zeros(len(rows), np.float32)
        rows = np.ascontiguousarray(rows, dtype=np.float32)
        with np.errstate(invalid="ignore", over="ignore", under="ignore"):
            for number, piece in enumerate(self._pieces):
                norms += np.einsum("ij,ij->i", rows[:, piece], rows[:, piece])
                if number == 0:
                    np.matmul(self._doubled[:, piece], rows[:, piece].T, out=products)
                else:
                    products += self._doubled[:, piece] @ rows[:, piece].T
        return products, norms

    def for_another_thread(self) -> Self:
        other = copy(self)
        other._products = np.empty_like(self._products)
        return other


class TorchProducts:
    """In float32 by torch, on the processor or a GPU: widens float16 in the cache.

    On the processor a tile of rows and dimensions is widened and multiplied before the next, on
    a GPU all rows of a block are. When a GPU's memory is short, it takes half as many rows at a
    time from then on.
    """

    is_coarse = False

    def __init__(self, queries: Floats, *, block_rows: int, device: str = "cpu") -> None:
        import torch

        self.torch = torch
        self.device = torch.device(device)
        count, dimensions = queries.shape
        self.growth: Doubles = np.full(count, growth_of(dimensions))
        self.norm_growth = growth_of(dimensions)
        self._pieces = pieces(dimensions)
        self._prepare(torch.from_numpy(-2.0 * queries.astype(np.float32)))  # exact: times 2
        self._products = np.empty(count * block_rows, np.float32)
        self._count = count
        self._here = self.device.type == "cpu"
        self._tile_rows = min(block_rows, TILE_ROWS) if self._here else block_rows
        self._at_once = block_rows
        self._scratch: dict[str, Any] = {}

    def _prepare(self, doubled: Any) -> None:
        self._doubled = [doubled[:, piece].contiguous().to(self.device) for piece in self._pieces]

    def of(self, rows: Floats) -> tuple[Floats, Floats]:
        products = self._products[: self._count * len(rows)].reshape(self._count, len(rows))
        norms = np.empty(len(rows), np.float32)
        if not rows.flags.writeable:
            rows = rows.copy()  # torch would warn, although nothing is written
        with self.torch.inference_mode():
            start = 0
            while start < len(rows):
                stop = min(start + self._at_once, len(rows))
                try:
                    self._multiply(rows[start:stop], products[:, start:stop], norms[start:stop])
                except self.torch.OutOfMemoryError:
                    if self._at_once == 1:
                        raise
                    self._at_once = max(1, min(self._at_once, stop - start) // 2)
                    self._tile_rows = min(self._tile_rows, self._at_once)
                    self._scratch.clear()
                    self._make_room()
                    continue
                start = stop
        return products, norms

    def for_another_thread(self) -> Self:
        other = copy(self)
        other._products = np.empty_like(self._products)
        other._scratch = {}
        return other

    def _make_room(self) -> None:
        if self.device.type == "cuda":
            self.torch.cuda.empty_cache()

    def _multiply(self, rows: Floats, products: Floats, norms: Floats) -> None:
        """Fill `products` and `norms` for as many rows as fit on the device at once."""
        given = self.torch.from_numpy(rows).to(self.device)
        into = self.torch.from_numpy(products)
        norms_into = self.torch.from_numpy(norms)
        for start in range(0, len(rows), self._tile_rows):
            stop = min(start + self._tile_rows, len(rows))
            out = into[:, start:stop] if self._here else self._columns(stop - start)
            squares = self.torch.zeros(stop - start, device=self.device)
            for number, piece in enumerate(self._pieces):
                tile = self._tile(stop - start, piece)
                tile.copy_(given[start:stop, piece])
                squares += self.torch.linalg.vecdot(tile, tile)
                self._add_product(number, tile, out)
            if not self._here:
                into[:, start:stop] = out.to("cpu")
            norms_into[start:stop] = squares.to("cpu")

    def _add_product(self, number: int, tile: Any, out: Any) -> None:
        if number == 0:
            self.torch.mm(self._doubled[number], tile.T, out=out)
        else:
            self.torch.addmm(out, self._doubled[number], tile.T, out=out)

    def _tile(self, rows: int, piece: slice) -> Any:
        width = piece.stop - piece.start
        return self._space("tile", rows * width).view(rows, width)

    def _columns(self, rows: int) -> Any:
        return self._space("columns", self._count * rows).view(self._count, rows)

    def _space(self, name: str, size: int, dtype: Any = None) -> Any:
        """Memory on the device that is used again and again."""
        known = self._scratch.get(name)
        if known is None or known.numel() < size:
            known = self.torch.empty(size, dtype=dtype or self.torch.float32, device=self.device)
            self._scratch[name] = known
        return known[:size]


class CoarseProducts(TorchProducts):
    """In bfloat16: twice as fast where the processor has instructions for it, with wider bounds.

    Queries q and rows x are rounded to q' and x', |x - x'| <= v |x|, and every piece's product,
    summed in float32, is rounded to bfloat16 too. Adding up, q·x is off by less than

        |q - q'||x| + |q'||x - x'| + (v + 2 g(m + c)) (1 + v) |q'||x'|,

    with |q - q'| known for each query. Numbers below 2^-126 may be taken for 0, as in float32.
    """

    is_coarse = True

    def __init__(self, queries: Floats, *, block_rows: int, device: str = "cpu") -> None:
        super().__init__(queries, block_rows=block_rows, device=device)
        exact = queries.astype(np.float64)
        rounded = (
            self.torch.from_numpy(queries.astype(np.float32))
            .to(self.torch.bfloat16)
            .to(self.torch.float64)
            .numpy()
        )
        lengths = np.sqrt(np.square(exact).sum(axis=1))
        lost = np.sqrt(np.square(exact - rounded).sum(axis=1))
        v, g = UNIT_BRAIN, growth_of(queries.shape[1])
        of_rows = v + (v + 2 * g) * (1 + v) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            relative = np.where(lengths > 0, lost / lengths, 0.0)
        # |q'| <= |q| + |q - q'|; a little more for the roundings of this very sum.
        self.growth = (relative + (1 + relative) * of_rows) * (1 + 1e-9)

    def _prepare(self, doubled: Any) -> None:
        super()._prepare(doubled)
        self._rounded = [piece.to(self.torch.bfloat16) for piece in self._doubled]

    def _add_product(self, number: int, tile: Any, out: Any) -> None:
        brain = self.torch.bfloat16
        rounded = self._space("rounded", tile.numel(), brain).view(tile.shape)
        rounded.copy_(tile)
        product = self._space("product", out.numel(), brain).view(out.shape)
        self.torch.mm(self._rounded[number], rounded.T, out=product)
        if number == 0:
            out.copy_(product)
        else:
            out += product


def agree(
    products: Products, trusted: Products, *, rows: Floats, lengths: Doubles, tiny: float
) -> bool:
    """Whether two ways to multiply agree on some rows within the sum of their bounds.

    Args:
        products: the way in question.
        trusted: the way that is known to be right.
        rows: (rows, dimensions); those that are not finite say nothing.
        lengths: (queries,): |q|.
        tiny: what products that underflow may add up to.
    """
    finite = rows[np.isfinite(rows).all(axis=1)]
    long = np.sqrt(np.square(finite.astype(np.float64)).sum(axis=1))
    mine, my_norms = (found.astype(np.float64) for found in products.of(finite))
    theirs, their_norms = (found.astype(np.float64) for found in trusted.of(finite))
    room = 2 * (products.growth + trusted.growth)[:, None] * lengths[:, None] * long + 2 * tiny
    room_of_norms = (products.norm_growth + trusted.norm_growth) * long**2 + 2 * tiny
    return bool(
        (np.abs(mine - theirs) <= room).all()
        and (np.abs(my_norms - their_norms) <= room_of_norms).all()
    )


@lru_cache(maxsize=64)
def coarse_pays(queries: int, dimensions: int) -> bool:
    """Whether this machine multiplies in bfloat16 faster than in float32, rounding included.

    Measured once in a process for each shape, in turns, so that a busy moment meets both.
    """
    import torch

    width = min(dimensions, SUMMED_AT_ONCE)
    fine, tile = torch.rand(queries, width), torch.rand(TILE_ROWS, width)
    coarse, rounded = fine.to(torch.bfloat16), torch.empty_like(tile, dtype=torch.bfloat16)

    def in_bfloat16() -> None:
        rounded.copy_(tile)
        torch.mm(coarse, rounded.T)

    best = {False: float("inf"), True: float("inf")}
    for _ in range(COMPARED):
        for is_coarse in best:
            started = time.perf_counter()
            in_bfloat16() if is_coarse else torch.mm(fine, tile.T)
            best[is_coarse] = min(best[is_coarse], time.perf_counter() - started)
    return best[False] >= LEAST_GAIN * best[True]
