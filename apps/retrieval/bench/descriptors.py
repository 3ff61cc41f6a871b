"""Descriptors that need no network, image by image."""

from collections.abc import Callable
from typing import Any

import numpy as np

from apps.retrieval.bench.base import Measurement, quickest


def small_descriptors(*, quick: bool) -> list[Measurement]:
    """Milliseconds per 512 x 384 image, decoded, one thread."""
    from apps.retrieval.compute.extractors.cld import ColourLayout
    from apps.retrieval.compute.extractors.ehd import EdgeHistogram

    image = np.random.default_rng(0).integers(0, 256, size=(384, 512, 3)).astype(np.uint8)
    calls: dict[str, Callable[[], Any]] = {}
    for extractor in (ColourLayout(), EdgeHistogram()):

        def extract(extractor: Any = extractor) -> None:
            extractor.extract([extractor.prepare(image)])

        calls[extractor.name] = extract
    times = quickest(calls, rounds=20 if quick else 100)
    return [
        Measurement(f"{name}, 512 x 384 in memory", 1000 * seconds, "ms")
        for name, seconds in times.items()
    ]
