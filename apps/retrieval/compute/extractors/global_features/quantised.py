"""Histograms of texture by colour as levels 0..7 (FCTH and CEDD)."""

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features.colour import COLOURS
from apps.retrieval.compute.extractors.global_features.planes import Doubles

LEVELS = 8


def normalised(histogram: Doubles) -> Doubles:
    """Divide a histogram by its total; one without any block stays zero."""
    total = histogram.sum()
    return histogram / total if total > 0 else histogram


def levels(histograms: Doubles, *, tables: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """The nearest value of its texture's table for every share, the lower one on a tie.

    Args:
        histograms: (images, textures * 24), shares that sum to 1, or zero.
        tables: (textures, 8), millionths.

    Returns:
        The shape of `histograms`, levels 0..7.
    """
    shares = histograms.reshape(len(histograms), -1, COLOURS, 1)
    table = np.asarray(tables, dtype=np.float64)[None, :, None, :] / 1e6
    nearest: npt.NDArray[np.int64] = np.abs(shares - table).argmin(axis=-1)
    return nearest.reshape(histograms.shape)
