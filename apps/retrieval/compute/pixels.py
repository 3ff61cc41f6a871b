"""What extractors take, upright 8-bit RGB decoded elsewhere, and how they refuse it."""

import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]  # (height, width, 3)


class UnreadableError(Exception):
    """An image without a vector; the text is the reason shown to a person."""


class DeviceMemoryError(Exception):
    """Not even one image fits into the device's memory; the text names the device."""
