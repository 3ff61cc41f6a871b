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


def one_colour(r: int, g: int, b: int, *, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), (r, g, b), dtype=np.uint8)


def black_then_white(columns: int, *, size: int = 64) -> np.ndarray:
    """So many black columns, then white ones."""
    image = one_colour(255, 255, 255, size=size)
    image[:, :columns] = 0
    return image


def white_over_blue() -> np.ndarray:
    image = one_colour(255, 255, 255, size=80)
    image[40:] = (0, 0, 255)
    return image


def grating(level: int = 255) -> np.ndarray:
    """64 x 64: even columns black, odd ones grey of this level."""
    image = one_colour(0, 0, 0)
    image[:, 1::2] = level
    return image


def noise(seed: int, *, width: int, height: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, size=(height, width, 3)).astype(np.uint8)
