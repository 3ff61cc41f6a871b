"""Recursive separator finding: cut an image at gutters and at edges that run all the way through.

In the manner of the XY-cut of document analysis (Nagy and Seth, 1984): a region is cut at all quiet
columns or all quiet rows, whichever has the wider gutter, and every piece is cut again. A piece
without a gutter that looks like a photograph is cut where a step or a line runs from one side to
the other. Pieces that are too small or too empty to be a panel (titles, axis labels, legends) are
joined to their nearest neighbour. What comes out says where one could cut, not whether the image is
a figure of several panels: `panels` decides that.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.pixels import Pixels

SIDE = 320  # images are looked at with at most this many pixels on the longer side
QUIET = 12  # grey levels by which a gutter's pixels may differ from their median (JPEG noise)
NOISY = 0.004  # share of a gutter's pixels that may differ by more
SAMPLED = 6  # every so manieth pixel of a line is looked at first
LIKELY = 0.08  # share of them that may differ in a line worth a full look
PANEL_SIDE = 0.09  # of the image's side: nothing smaller is a panel
PANEL_AREA = 0.012  # of the image
RELATIVE_AREA = 0.12  # of the largest piece
STEP = 10.0  # grey levels between neighbours that count as an edge
THROUGH = 0.85  # share of a separating edge's length that must be an edge
THROUGH_LEVEL = 0.93  # of a level edge: most level edges in photographs are horizons
AROUND = 0.5  # and at most this share next to it, else it is texture
FLAT = 0.35  # a piece with a larger share of even ground is a drawing: never cut at edges
DEPTH = 8

Region = tuple[int, int, int, int]  # top, bottom, left, right in pixels, ends excluded
Planes = npt.NDArray[np.int16]  # (2, height, width): darkest and lightest channel


@dataclass
class Piece:
    """A region of the image and how it was cut; `gaps` are between its children."""

    region: Region
    ink: Region  # without even margins
    across: bool = False  # children stand side by side (cut by columns)
    children: list["Piece"] = field(default_factory=list)
    gaps: list[int] = field(default_factory=list)  # pixels between children; 0: an edge
    is_panel: bool = False

    def panels(self) -> list["Piece"]:
        """Leaves that could be panels, in reading order of the cuts."""
        if not self.children:
            return [self] if self.is_panel else []
        return [leaf for child in self.children for leaf in child.panels()]

    def leaves(self) -> list["Piece"]:
        if not self.children:
            return [self]
        return [leaf for child in self.children for leaf in child.leaves()]


def planes_of(image: Pixels) -> Planes:
    """Darkest and lightest channel of every pixel, (2, height, width): a pale colour shows."""
    return np.stack([image.min(axis=2), image.max(axis=2)]).astype(np.int16)


def cut(*, image: Pixels) -> Piece:
    """Cut an image (height, width, 3) recursively; the root covers all of it."""
    planes = planes_of(image)
    height, width = image.shape[:2]
    root = _cut(planes, (0, height, 0, width), size=(height, width), depth=0)
    leaves = [leaf for leaf in root.leaves() if _is_substantial(leaf.ink, size=(height, width))]
    largest = max((_area(leaf.ink) for leaf in leaves), default=0)
    for leaf in leaves:
        leaf.is_panel = _area(leaf.ink) >= RELATIVE_AREA * largest
    return root


def boxes_of(*, root: Piece) -> list[Region]:
    """The panels' regions: every piece without a panel goes to the nearest one beside it."""
    if not root.panels():
        return [root.ink]
    return _joined(root)


def _joined(piece: Piece) -> list[Region]:
    kept = [number for number, child in enumerate(piece.children) if child.panels()]
    if not kept:
        return [piece.ink]
    regions: dict[int, list[Piece]] = {number: [] for number in kept}
    for number, child in enumerate(piece.children):
        regions[_nearest(piece, number, kept)].append(child)
    boxes: list[Region] = []
    for number in kept:
        own = piece.children[number]
        inside = _joined(own)
        if len(inside) == 1:
            inside = [_around([one.ink for one in regions[number]])]
        boxes += inside
    return boxes


def _nearest(piece: Piece, number: int, kept: list[int]) -> int:
    """The kept child that the child belongs to: the one with the least gap in between."""

    def gap(other: int) -> tuple[int, int]:
        low, high = sorted((number, other))
        between = sum(piece.gaps[low:high])
        inner = sum(_extent(child, piece.across) for child in piece.children[low + 1 : high])
        return between + inner, other

    return number if number in kept else min(kept, key=gap)


def _extent(piece: Piece, across: bool) -> int:
    top, bottom, left, right = piece.ink
    return right - left if across else bottom - top


def _around(regions: list[Region]) -> Region:
    tops, bottoms, lefts, rights = zip(*regions, strict=True)
    return min(tops), max(bottoms), min(lefts), max(rights)


def _area(region: Region) -> int:
    top, bottom, left, right = region
    return max(0, bottom - top) * max(0, right - left)


def _is_substantial(region: Region, *, size: tuple[int, int]) -> bool:
    top, bottom, left, right = region
    height, width = size
    least = PANEL_SIDE * min(height, width)
    return (
        bottom - top >= max(least, PANEL_SIDE * height * 0.8)
        and right - left >= max(least, PANEL_SIDE * width * 0.8)
        and _area(region) >= PANEL_AREA * height * width
    )


def _cut(planes: Planes, region: Region, *, size: tuple[int, int], depth: int) -> Piece:
    ink = _trimmed(planes, region)
    piece = Piece(region=region, ink=ink)
    top, bottom, left, right = ink
    if depth >= DEPTH or not _is_substantial(ink, size=size):
        return piece
    inside = planes[:, top:bottom, left:right]
    least = max(2, round(0.006 * max(size)))
    columns = _gutters(quiet_lines(inside, axis=1), least=least)
    rows = _gutters(quiet_lines(inside, axis=2), least=least)
    if columns or rows:
        widest = max((stop - start for start, stop in columns), default=0)
        tallest = max((stop - start for start, stop in rows), default=0)
        piece.across = widest >= tallest
        cuts = columns if piece.across else rows
    else:
        piece.across, cuts = _edge_cuts(inside)
    if not cuts:
        return piece
    first, last = (left, right) if piece.across else (top, bottom)
    at = first
    for start, stop in [*cuts, (last - first, last - first)]:
        end = first + start
        part = (top, bottom, at, end) if piece.across else (at, end, left, right)
        piece.children.append(_cut(planes, part, size=size, depth=depth + 1))
        at = first + stop
    piece.gaps = [stop - start for start, stop in cuts]
    return piece


def quiet_lines(planes: Planes, *, axis: int) -> npt.NDArray[np.bool_]:
    """Which columns (axis 1) or rows (axis 2) are of one colour all along, but for noise."""
    lines = planes if axis == 1 else planes.transpose(0, 2, 1)  # (2, along, lines)
    quiet = _off_median(lines[:, ::SAMPLED]) <= LIKELY
    likely = np.flatnonzero(quiet)
    quiet[likely] = _off_median(lines[:, :, likely]) <= NOISY
    return quiet


def _off_median(lines: Planes) -> npt.NDArray[np.float64]:
    """Share of each line's pixels that differ from its median by more than noise."""
    middle = lines.shape[1] // 2
    medians = np.partition(lines, middle, axis=1)[:, middle : middle + 1]
    off = (np.abs(lines - medians) > QUIET).any(axis=0)
    share: npt.NDArray[np.float64] = off.mean(axis=0)
    return share


def _gutters(quiet: npt.NDArray[np.bool_], *, least: int) -> list[tuple[int, int]]:
    """Runs of quiet lines inside (never at either end), at least that wide."""
    steps = np.flatnonzero(np.diff(np.concatenate([[0], quiet.astype(np.int8), [0]])))
    runs = [(int(start), int(stop)) for start, stop in zip(steps[::2], steps[1::2], strict=True)]
    return [
        (start, stop)
        for start, stop in runs
        if stop - start >= least and start > 0 and stop < len(quiet)
    ]


def _trimmed(planes: Planes, region: Region) -> Region:
    """The region without margins of one colour."""
    top, bottom, left, right = region
    for _ in range(2):
        inside = planes[:, top:bottom, left:right]
        if not inside.size:
            return top, top, left, left
        rows = np.flatnonzero(~quiet_lines(inside, axis=2))
        if not len(rows):
            return top, top, left, left
        top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
        columns = np.flatnonzero(~quiet_lines(planes[:, top:bottom, left:right], axis=1))
        if not len(columns):
            return top, top, left, left
        left, right = left + int(columns[0]), left + int(columns[-1]) + 1
    return top, bottom, left, right


def flat_share(planes: Planes) -> float:
    """Share of pixels that equal their right and lower neighbours but for noise."""
    luma = planes.mean(axis=0)
    if min(luma.shape) < 2:
        return 1.0
    even = (np.abs(np.diff(luma, axis=1))[:-1] < 2.5) & (
        np.abs(np.diff(luma, axis=0))[:, :-1] < 2.5
    )
    return float(even.mean())


def _edge_cuts(planes: Planes) -> tuple[bool, list[tuple[int, int]]]:
    """Straight edges from side to side of a piece that looks like photographs side by side."""
    if flat_share(planes) > FLAT:
        return False, []
    luma = planes.mean(axis=0)
    found = {
        True: _through(luma, least=THROUGH),
        False: _through(luma.T, least=THROUGH_LEVEL),
    }
    across = len(found[True]) >= len(found[False])
    return across, [(place, place) for place in found[across]]


def _through(luma: npt.NDArray[np.float64], *, least: float) -> list[int]:
    """Columns at which a step runs through that share of rows, well inside and standing alone."""
    width = luma.shape[1]
    margin = max(8, round(0.15 * width))
    if width < 2 * margin + 4:
        return []
    share = (np.abs(np.diff(luma, axis=1)) > STEP).mean(axis=0)  # between x and x + 1
    places: list[int] = []
    for x in np.flatnonzero(share >= least).tolist():
        around = np.concatenate([share[max(0, x - 6) : max(0, x - 2)], share[x + 3 : x + 7]])
        if (
            margin <= x < width - margin
            and around.size
            and around.max() <= AROUND
            and (not places or x - places[-1] >= margin)
        ):
            places.append(x + 1)
    return places
