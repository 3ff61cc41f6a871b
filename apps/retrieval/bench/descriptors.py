"""Descriptors that need no network, image by image."""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from apps.retrieval.bench.base import Measurement, quickest

# Milliseconds of LIRE on OpenJDK 17 for an image of this size, one thread: its fastest start.
LIRE = {"fcth": 4.0, "cedd": 1.9, "ehd": 1.1, "cld": 1.5, "gabor": 4.5}


def small_descriptors(*, quick: bool) -> list[Measurement]:
    """Milliseconds per 512 x 384 image, decoded, one thread, and LIRE's as the bound."""
    from apps.retrieval.compute.extractors.global_features import GlobalFeatures

    extractor = GlobalFeatures()
    image = np.random.default_rng(0).integers(0, 256, size=(384, 512, 3)).astype(np.uint8)

    def extract(name: str) -> Any:
        return extractor.extract([extractor.prepare(image, spaces=[name])], spaces=[name])

    calls: dict[str, Callable[[], Any]] = {
        name: partial(extract, name) for name in (*LIRE, "gabor_lire", "gf")
    }
    with threadpool_limits(1):
        times = quickest(calls, rounds=20 if quick else 100)
    return [
        Measurement(
            f"{name}, 512 x 384 in memory",
            1000 * seconds,
            "ms",
            f"<= {LIRE[name]}" if name in LIRE else "",
        )
        for name, seconds in times.items()
    ]
