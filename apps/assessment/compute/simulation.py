"""What a program answers that stands in for an assessor. Numbers from names and a seed alone."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

RARER = 0.6  # each higher level is so much rarer than the one below, where truth is invented
SPREAD = 0.5  # standard deviation of the logarithm of a judgment's time


def uniform(*words: object) -> float:
    """A number in (0, 1) that the words decide: SHA-256, so the same on every machine."""
    digest = hashlib.sha256(json.dumps(words).encode()).digest()
    return (int.from_bytes(digest[:6], "big") + 0.5) / 2**48


def level_of_labels(
    query: Mapping[str, object],
    candidate: Mapping[str, object],
    *,
    same: Mapping[str, int],
    lowest: int,
) -> int:
    """The highest level of a column in which both images have the same word; else the lowest.

    Args:
        query: columns of the one image; an empty word is no word.
        candidate: of the other.
        same: level by column.
        lowest: of the scale.
    """
    agreeing = [
        level
        for column, level in same.items()
        if str(query.get(column) or "") and str(query.get(column)) == str(candidate.get(column))
    ]
    return max(agreeing, default=lowest)


def invented_level(*, levels: Sequence[int], seed: int, query_id: str, image_id: str) -> int:
    """A true level for a pair that nobody labelled: random, high levels rarer than low ones."""
    weights = [RARER**place for place in range(len(levels))]
    left = uniform(seed, "truth", query_id, image_id) * sum(weights)
    for level, weight in zip(sorted(levels), weights, strict=True):
        left -= weight
        if left <= 0:
            return level
    return max(levels)


def answer(
    truth: int, *, levels: Sequence[int], accuracy: float, leaning: int, draw: tuple[object, ...]
) -> int:
    """The true level with probability `accuracy`, else one of its neighbours on the scale.

    Args:
        truth: one of `levels`.
        levels: of the scale; of a scale of one level, that level is always right.
        accuracy: 0..1.
        leaning: 1 errs upwards, -1 downwards, 0 either way; at the end of the scale, inwards.
        draw: words that no other answer has.
    """
    scale = sorted(levels)
    place = scale.index(truth)
    if len(scale) == 1 or uniform(*draw, "errs") < accuracy:
        return truth
    step = leaning or (1 if uniform(*draw, "direction") < 0.5 else -1)
    if not 0 <= place + step < len(scale):
        step = -step
    return scale[place + step]


def leaning_of(*, assessor: str, seed: int) -> int:
    """Whether an assessor is lenient (1), strict (-1) or neither (0), each as likely."""
    return math.floor(uniform(seed, "leaning", assessor) * 3) - 1


def active_ms(*, pace_ms: int, draw: tuple[object, ...]) -> int:
    """How long a judgment took: log-normal about its median `pace_ms`, at least 1."""
    deviation = NormalDist().inv_cdf(uniform(*draw, "pace"))
    return max(1, round(pace_ms * math.exp(SPREAD * deviation)))
