"""Where R-MAC looks: overlapping square regions of a map at two scales.

Tolias, Sicre and Jégou, "Particular object retrieval with integral max-pooling of CNN activations"
(ICLR 2016), section 3.2: at scale l the regions are squares of side 2 min(width, height) / (l + 1),
spread evenly, and there are as many along the longer side as make neighbours at the first scale
overlap by 40 % of their area, as nearly as whole numbers allow.
"""

SCALES = 2
OVERLAP = 0.4
MOST_EXTRA = 6  # regions that the longer side may have beyond the shorter one
REGIONS = 5  # of a square map: 1 + 4


def regions_of(*, height: int, width: int, scales: int = SCALES) -> list[tuple[int, int, int]]:
    """Regions (top, left, side) of a map, the largest first; whole cells, inside the map."""
    shorter, longer = min(height, width), max(height, width)
    extra = 0
    if longer > shorter:
        extra = min(
            range(1, MOST_EXTRA + 1),
            key=lambda number: abs(1 - (longer - shorter) / number / shorter - OVERLAP),
        )
    found = []
    for scale in range(1, scales + 1):
        side = max(2 * shorter // (scale + 1), 1)
        tops = _starts(height, side, scale + (extra if height > width else 0))
        lefts = _starts(width, side, scale + (extra if width > height else 0))
        found += [(top, left, side) for top in tops for left in lefts]
    return found


def _starts(length: int, side: int, number: int) -> list[int]:
    if number == 1:
        return [(length - side) // 2]
    return [place * (length - side) // (number - 1) for place in range(number)]
