"""Images with random bytes changed: refused or read, never a hang, never the parent's end."""

import time

import numpy as np
import pytest
from django.conf import settings

from apps.catalog.decoder import Decoder
from apps.catalog.imaging import UnreadableImageError
from tests.factories.pictures import picture_bytes

N_MUTANTS = 5000
FORMATS = ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"]


@pytest.mark.slow
def test_mutated_images_are_read_or_refused_within_seconds():
    rng = np.random.default_rng(11)
    sources = [picture_bytes(1, width=90, height=70, format=format) for format in FORMATS]
    decoder = Decoder(max_pixels=10**7, seconds=10, root=str(settings.ROOT))
    reasons: dict[str, int] = {}
    slowest = 0.0
    try:
        for number in range(N_MUTANTS):
            content = np.frombuffer(sources[number % len(sources)], dtype=np.uint8).copy()
            # Headers matter most: half of the changes fall into the first 64 bytes.
            span = 64 if number % 2 else len(content)
            places = rng.integers(0, span, size=rng.integers(1, 9))
            content[places] = rng.integers(0, 256, size=len(places))
            started = time.monotonic()
            try:
                decoder.decode(content.tobytes())
                reason = "read"
            except UnreadableImageError as error:
                reason = str(error).split(":")[0]
            slowest = max(slowest, time.monotonic() - started)
            reasons[reason] = reasons.get(reason, 0) + 1
    finally:
        decoder.close()
    assert slowest < 10
    assert reasons["read"] > 0
    assert reasons["damaged"] > 0
    assert sum(count for reason, count in reasons.items() if "longer than" in reason) == 0
