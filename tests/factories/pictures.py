"""Image files for tests: the same call gives the same bytes."""

import io

import numpy as np
from PIL import Image


def picture_array(seed: int = 0, *, width: int = 64, height: int = 48) -> np.ndarray:
    """Smooth colour ramps that differ by seed; shape (height, width, 3), uint8."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 256, size=(2, 2, 3)).astype(np.float64)
    down = np.linspace(0, 1, height)[:, None, None]
    right = np.linspace(0, 1, width)[None, :, None]
    top = corners[0, 0] * (1 - right) + corners[0, 1] * right
    bottom = corners[1, 0] * (1 - right) + corners[1, 1] * right
    return (top * (1 - down) + bottom * down).astype(np.uint8)


def picture_bytes(
    seed: int = 0, *, width: int = 64, height: int = 48, format: str = "PNG", **options
) -> bytes:
    out = io.BytesIO()
    Image.fromarray(picture_array(seed, width=width, height=height)).save(out, format, **options)
    return out.getvalue()
