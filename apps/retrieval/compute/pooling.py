"""From rankings to pools: scores that stay distinct, the union of the best, its ledger."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def strictly_decreasing(*, scores: Doubles) -> Doubles:
    """Scores rounded to float32 and lowered just enough that each is below the one before.

    Programs that read runs keep scores as 32-bit floats and order equal ones by document name,
    so ties that were broken by ordinal would come out in another order. A score that is not
    below its predecessor becomes the next lower float32 (around zero: the next multiple of the
    smallest normal float32, 1.2e-38). The ranks are the truth; what a nudge changes is below
    the precision of the file format. A list that is strictly decreasing in float32 already is
    returned unchanged, so that doing it twice changes nothing.

    Args:
        scores: shape (n,), finite, higher is better, not increasing.

    Returns:
        Shape (n,), float64 values that float32 represents exactly, strictly decreasing.

    Raises:
        ValueError: a score is higher than its predecessor, not finite, or below -3.4e38.
    """
    if not np.isfinite(scores).all():
        raise ValueError("scores must be finite")
    if (np.diff(scores) > 0).any():
        raise ValueError("scores must not increase")
    with np.errstate(over="ignore", under="ignore"):
        rounded = scores.astype(np.float32)
    if not np.isfinite(rounded).all():
        raise ValueError("scores must fit into float32")
    step = np.finfo(np.float32).tiny
    down = np.float32(-np.inf)
    for index in range(1, len(rounded)):
        before = rounded[index - 1]
        if rounded[index] >= before:
            lower = np.nextafter(before, down)
            rounded[index] = before - step if before - lower < step else lower
    return rounded.astype(np.float64) + 0.0  # without a negative zero


@dataclass(frozen=True)
class Source:
    """That a method found a pair at a rank (from 1) with a score."""

    method: str
    rank: int
    score: float


def pooled(
    *, rankings: Mapping[str, tuple[Sequence[int], Sequence[float]]], depth: int
) -> dict[int, list[Source]]:
    """The union of every method's best `depth` for one query.

    Args:
        rankings: per method the images, best first, and their scores.
        depth: how many of each ranking enter, at least 1.

    Returns:
        Image -> its sources in the order of the methods, images in the order in which a reader
        meets them: rank 1 of every method, then rank 2, ...

    Raises:
        ValueError: `depth` is below 1, or a ranking names an image twice.
    """
    if depth < 1:
        raise ValueError(f"depth must be at least 1, got {depth}")
    for method, (images, _) in rankings.items():
        if len(set(images)) != len(images):
            raise ValueError(f"the ranking of {method} names an image twice")
    pool: dict[int, list[Source]] = {}
    for rank in range(1, depth + 1):
        for images, _ in rankings.values():
            if rank <= len(images):
                pool.setdefault(images[rank - 1], [])
    for method, (images, scores) in rankings.items():
        for rank, (image, score) in enumerate(zip(images, scores, strict=True), start=1):
            if rank > depth:
                break
            pool[image].append(Source(method=method, rank=rank, score=score))
    return pool


def unique_contributions(
    *, pool: Mapping[int, Sequence[Source]], methods: Sequence[str]
) -> dict[str, int]:
    """How many pairs each method alone brought into a pool."""
    counts = dict.fromkeys(methods, 0)
    for sources in pool.values():
        if len(sources) == 1:
            counts[sources[0].method] += 1
    return counts
