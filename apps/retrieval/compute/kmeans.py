"""K-means whose result is the same to the last bit, whoever computes it and with how many threads.

Lloyd's rounds after k-means++ (Arthur and Vassilvitskii 2007). Every decision is by squared
distances in float64 from the definition; products of matrices, whose last digits depend on the
machine, only tell which centroids cannot be the nearest.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Labels = npt.NDArray[np.int64]
Points = npt.NDArray[Any]  # (n, d): float32, or uint8 where all values are such whole numbers

ROWS_AT_ONCE = 2048  # compared with all centroids
ROWS_SUMMED = 2**14  # summed up before they are added to the rows before: part of the definition
ROUNDS = 100
UNIT_32 = 2.0**-24  # half the gap between 1 and the next float32
OnStep = Callable[[int, int], None]  # (done, of)


def distinct_rows(points: Points, *, most: int) -> int:
    """How many different rows there are, at most `most`."""
    seen: set[bytes] = set()
    for row in points:
        seen.add(row.tobytes())
        if len(seen) >= most:
            break
    return len(seen)


def clustered(
    points: Points, *, clusters: int, seed: int = 0, on_step: OnStep = lambda done, of: None
) -> tuple[Doubles, Labels]:
    """Centroids (clusters, d), numbered by their smallest member, and every point's cluster.

    Args:
        points: in an order that decides ties: the earlier point wins.
        clusters: at most the number of distinct points.
        seed: of the drawing of first centroids.
        on_step: told after every first centroid and every round how many of both are done, of
            how many at most; what it raises ends the work.

    Rounds end when no point changes its cluster, or after 100. A cluster that lost its last
    point takes the one that is farthest from its centroid.
    """
    steps = clusters + ROUNDS
    centroids = first_centroids(
        points, clusters=clusters, seed=seed, on_centroid=lambda done: on_step(done, steps)
    )
    labels = np.full(len(points), -1, dtype=np.int64)
    for done in range(ROUNDS):
        found = nearest(points, centroids=centroids)
        fill_empty(found, points=points, centroids=centroids)
        if (found == labels).all():
            break
        labels = found
        centroids = means(points, labels=labels, clusters=clusters)
        on_step(clusters + done + 1, steps)
    order = np.unique(labels, return_index=True)[1].argsort()  # every cluster has a member
    number = np.empty(clusters, dtype=np.int64)
    number[order] = np.arange(clusters)
    return centroids[order], number[labels]


def first_centroids(
    points: Points,
    *,
    clusters: int,
    seed: int,
    on_centroid: Callable[[int], None] = lambda done: None,
) -> Doubles:
    """Draw points, each with a chance in proportion to its squared distance to those drawn.

    The bits come from PCG64 itself, whose stream never changes; what libraries make of them may.
    """
    bits = np.random.PCG64(seed)

    def drawn() -> float:
        return (int(bits.random_raw()) >> 11) * 2.0**-53  # 0 <= drawn < 1

    chosen = [int(drawn() * len(points))]
    left = np.full(len(points), np.inf)  # squared distance to the nearest point drawn
    owner = np.zeros(len(points), dtype=np.int64)
    while True:
        newest = points[chosen[-1]].astype(np.float64)
        # A point that is nearer to its own than half their distance stays: triangle inequality.
        between = squared_distances(points[chosen].astype(np.float64), newest)
        candidates = np.flatnonzero(between[owner] < 4 * (1 + 1e-9) * left)
        for some in np.array_split(candidates, max(1, len(candidates) // ROWS_AT_ONCE)):
            distances = squared_distances(points[some].astype(np.float64), newest)
            nearer = distances < left[some]
            left[some[nearer]] = distances[nearer]
            owner[some[nearer]] = len(chosen) - 1
        on_centroid(len(chosen))
        if len(chosen) == clusters:
            return points[chosen].astype(np.float64)
        sums = np.cumsum(left)
        at = int(np.searchsorted(sums, drawn() * sums[-1], side="right"))
        # Rounding may point behind the last one that can be drawn.
        chosen.append(at if at < len(left) and left[at] > 0 else int(np.flatnonzero(left)[-1]))


def squared_distances(rows: Doubles, others: Doubles) -> Doubles:
    """Of rows (n, d) to one point (d,) or to as many; a row's value depends on nothing else."""
    difference = rows - others
    found: Doubles = np.square(difference, out=difference).sum(axis=-1)
    return found


def nearest(points: Points, *, centroids: Doubles) -> Labels:
    """The nearest centroid of every point, the lowest number on a tie.

    In float32, s = |c|² - 2 x·c is off by less than e = 2 G (2 |x| |c| + |c|²) with
    G = (d + 8) 2^-24, rounding of x and c included (Higham 2002, Accuracy and Stability of
    Numerical Algorithms, section 3.1), so only centroids with s <= min s + 2 e can be nearest.
    Where that leaves several, the definition decides.
    """
    dimensions = centroids.shape[1]
    # One product gives s: x and a one, times -2 c and |c|².
    squares = np.square(centroids).sum(axis=1)
    factors = np.concatenate([-2 * centroids.T, squares[None]]).astype(np.float32)
    growth = 2 * (dimensions + 8) * UNIT_32
    longest = np.sqrt(squares.max())
    labels = np.empty(len(points), dtype=np.int64)
    rows = np.ones((ROWS_AT_ONCE, dimensions + 1), dtype=np.float32)
    for start in range(0, len(points), ROWS_AT_ONCE):
        block = points[start : start + ROWS_AT_ONCE]
        rows[: len(block), :dimensions] = block
        s = rows[: len(block)] @ factors
        at = np.arange(len(block))
        best = s.argmin(axis=1)
        lengths = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        margin = 2 * growth * longest * (2 * lengths + longest)
        reach = np.nextafter((s[at, best] + margin).astype(np.float32), np.float32(np.inf))
        s[at, best] = np.inf
        for row in np.flatnonzero(s.min(axis=1) <= reach).tolist():
            some = np.flatnonzero((s[row] <= reach[row]) | (np.arange(len(centroids)) == best[row]))
            distances = squared_distances(centroids[some], block[row].astype(np.float64))
            best[row] = some[distances.argmin()]
        labels[start : start + len(block)] = best
    return labels


def means(points: Points, *, labels: Labels, clusters: int) -> Doubles:
    """Centroids: sums in float64 in the order of the points, block by block, over their number."""
    from scipy.sparse import csr_array

    sums = np.zeros((clusters, points.shape[1]))
    for start in range(0, len(points), ROWS_SUMMED):
        here = labels[start : start + ROWS_SUMMED]
        rows = points[start : start + ROWS_SUMMED].astype(np.float64)
        # By cluster, and within a cluster by point.
        order = np.argsort(here, kind="stable")
        edges = np.searchsorted(here[order], np.arange(clusters + 1))
        sums += csr_array((np.ones(len(here)), order, edges), shape=(clusters, len(here))) @ rows
    return sums / np.bincount(labels, minlength=clusters)[:, None]


def fill_empty(labels: Labels, *, points: Points, centroids: Doubles) -> None:
    """Give every cluster without a point the one farthest from its centroid, in place.

    A point that is its cluster's only one stays. On a tie the earlier point goes.
    """
    sizes = np.bincount(labels, minlength=len(centroids))
    empty = np.flatnonzero(sizes == 0)
    if not len(empty):
        return
    distances = np.concatenate(
        [
            squared_distances(
                points[start : start + ROWS_AT_ONCE].astype(np.float64),
                centroids[labels[start : start + ROWS_AT_ONCE]],
            )
            for start in range(0, len(points), ROWS_AT_ONCE)
        ]
    )
    farthest = iter(np.argsort(-distances, kind="stable").tolist())
    for cluster in empty.tolist():
        point = next(one for one in farthest if sizes[labels[one]] > 1)
        sizes[labels[point]] -= 1
        sizes[cluster] = 1
        labels[point] = cluster
