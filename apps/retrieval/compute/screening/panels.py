"""How many panels a figure has, and where: separators first, then one learned decision.

Separators alone cut charts beside their legends and bodies beside the table they lie on. Whether a
cut image is a figure of several panels is decided by a logistic regression on a few numbers about
the pieces (how alike, how aligned, how much of the image they are). Its coefficients were fitted by
`scripts/screening_fit.py` on the tuning sources named there and are constants here.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image as Pillow

from apps.retrieval.compute.pixels import Pixels
from apps.retrieval.compute.screening import decision, separators
from apps.retrieval.compute.screening.separators import SIDE, Piece, Region

VERSION = "panels.1"
SAME_SIZE = 0.08  # sides of two panels that differ by at most this share are alike
ALIGNED = 0.04  # edges of two panels that differ by at most this share of the image are in line
LINE = 0.6  # a row or column of a panel with this share of marks is an axis, a frame, a grid line
MARK = 12  # grey levels from the panel's ground


def shrunk(image: Pixels) -> Pixels:
    """The image with at most `SIDE` pixels on the longer side; small ones stay as they are."""
    height, width = image.shape[:2]
    if max(height, width) <= SIDE:
        return image
    scale = SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = Pillow.fromarray(image).resize(size, Pillow.Resampling.BOX, reducing_gap=None)
    return np.asarray(small)


@dataclass(frozen=True)
class Panels:
    """What was found: `score` is the probability 0..1 that there are several panels.

    `boxes` are (left, top, width, height) as shares 0..1 of the image's sides, one a panel; one
    box for an image of one panel.
    """

    score: float
    boxes: tuple[tuple[float, float, float, float], ...]

    @property
    def count(self) -> int:
        return len(self.boxes)


def find_panels(*, image: Pixels) -> Panels:
    """The panels of an image (height, width, 3) of any size; it is looked at with 320 pixels.

    An image without marks has one panel: all of it.
    """
    small = shrunk(image)
    root = separators.cut(image=small)
    score = probability(features_of(root=root, image=small))
    several = score >= 0.5
    height, width = small.shape[:2]
    regions = separators.boxes_of(root=root) if several else [(0, height, 0, width)]
    boxes = tuple(_shares(region, height=height, width=width) for region in regions)
    return Panels(score=score, boxes=boxes)


def probability(features: npt.NDArray[np.float64]) -> float:
    """Probability 0..1 that an image with these features has several panels.

    0 when the separators leave one piece (all features are 0 then).
    """
    if not features.any():
        return 0.0
    scaled = (features - np.array(decision.MEANS)) / np.array(decision.SCALES)
    margin = float(scaled @ np.array(decision.WEIGHTS)) + decision.INTERCEPT
    return float(1.0 / (1.0 + np.exp(-margin)))


def _shares(region: Region, *, height: int, width: int) -> tuple[float, float, float, float]:
    top, bottom, left, right = region
    return (
        round(left / width, 4),
        round(top / height, 4),
        round((right - left) / width, 4),
        round((bottom - top) / height, 4),
    )


def features_of(*, root: Piece, image: Pixels) -> npt.NDArray[np.float64]:
    """Numbers about the pieces of a cut image, in the order of `FEATURES`."""
    panels = [piece.ink for piece in root.panels()]
    if len(panels) < 2:
        return np.zeros(len(FEATURES))
    height, width = image.shape[:2]
    regions = np.array(panels, dtype=np.float64)
    heights, widths = regions[:, 1] - regions[:, 0], regions[:, 3] - regions[:, 2]
    areas = heights * widths
    top, bottom, left, right = root.ink
    ranked = np.sort(areas)[::-1]
    alike = _alike(heights) & _alike(widths)
    in_row = _near(regions[:, 0], height) & _near(regions[:, 1], height)
    in_column = _near(regions[:, 2], width) & _near(regions[:, 3], width)
    lined = np.array([_lines(_marks(image[r[0] : r[1], r[2] : r[3]])) for r in panels])
    gaps = np.array([gap for gap, _ in _cuts(root)], dtype=np.float64) / max(height, width)
    return np.array(
        [
            np.log2(len(panels)),
            ranked[1] / ranked[0],
            min(heights.min() / height, widths.min() / width),
            areas.sum() / ((bottom - top) * (right - left)),
            _with_peer(alike),
            _with_peer(in_row | in_column),
            lined.mean(),
            float(np.median(gaps)),
            _ground(image, root),
            np.log2(1 + len(root.leaves())),
            min(heights.min() / heights.max(), widths.min() / widths.max()),
            separators.flat_share(separators.planes_of(image)),
            *_edge_shares(root),
        ]
    )


FEATURES = (
    "panels (log2)",
    "second area to largest",
    "shortest side",
    "area of the panels",
    "share with a peer of its size",
    "share in line with a peer",
    "lines, mean",
    "gap",
    "light ground",
    "pieces (log2)",
    "least side to largest",
    "even ground",
    "cuts at an upright edge",
    "cuts at a level edge",
)


def _alike(lengths: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    a, b = lengths[:, None], lengths[None, :]
    same: npt.NDArray[np.bool_] = np.abs(a - b) <= SAME_SIZE * np.maximum(a, b)
    return same


def _near(places: npt.NDArray[np.float64], length: int) -> npt.NDArray[np.bool_]:
    near: npt.NDArray[np.bool_] = np.abs(places[:, None] - places[None, :]) <= ALIGNED * length
    return near


def _with_peer(pairs: npt.NDArray[np.bool_]) -> float:
    others = pairs & ~np.eye(len(pairs), dtype=bool)
    return float(others.any(axis=1).mean())


def _marks(panel: Pixels) -> npt.NDArray[np.bool_]:
    """Which pixels differ from the panel's commonest grey."""
    luma = panel.mean(axis=2)
    counts = np.bincount((luma / 8).astype(np.int64).ravel(), minlength=32)
    ground = 8.0 * counts.argmax() + 4.0
    marks: npt.NDArray[np.bool_] = np.abs(luma - ground) > MARK
    return marks


def _lines(marks: npt.NDArray[np.bool_]) -> float:
    """1 for an axis or frame in both directions, 0.5 for one, 0 for none."""
    rows, columns = marks.mean(axis=1), marks.mean(axis=0)
    return 0.5 * float(rows.max() >= LINE) + 0.5 * float(columns.max() >= LINE)


def _cuts(piece: Piece) -> list[tuple[int, bool]]:
    """Gap in pixels (0: an edge) and direction (True: upright) of every cut between panels."""
    kept = [number for number, child in enumerate(piece.children) if child.panels()]
    cuts = [(max(piece.gaps[one:other]), piece.across) for one, other in itertools.pairwise(kept)]
    for child in piece.children:
        cuts += _cuts(child)
    return cuts


def _edge_shares(root: Piece) -> tuple[float, float]:
    """Shares of the cuts that were made at upright and at level edges, without a gutter.

    A level edge through a photograph is often its horizon.
    """
    cuts = _cuts(root)
    upright = sum(1 for gap, across in cuts if not gap and across)
    level = sum(1 for gap, across in cuts if not gap and not across)
    return upright / len(cuts), level / len(cuts)


def _ground(image: Pixels, root: Piece) -> float:
    """Lightness 0..1 of what lies around the panels: the median of all that is in none."""
    outside = np.ones(image.shape[:2], dtype=bool)
    for piece in root.panels():
        top, bottom, left, right = piece.ink
        outside[top:bottom, left:right] = False
    return float(np.median(image[outside])) / 255.0 if outside.any() else 0.5
