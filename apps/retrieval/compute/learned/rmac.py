"""`r_mac`: regional maxima, whitened by PCA on the collection, summed.

Gordo and Larlus, "Beyond instance-level image retrieval" (CVPR 2017), section 3, after Tolias,
Sicre and Jégou (ICLR 2016): the maxima of every region are L2-normalised, whitened, L2-normalised
again, summed over the regions, and the sum is L2-normalised. The dot product of two such vectors
orders images as their Euclidean distance does.

The covariance is learned from the regions of all images. Its eigenvalues are drawn towards their
mean as Ledoit and Wolf (2004, "A well-conditioned estimator for large-dimensional covariance
matrices", lemmas 3.2 to 3.4) derive: with many images that changes nothing to speak of, with fewer
regions than dimensions it keeps the whitening from making all images of the collection equally far
from each other.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.learned.base import Array, Model, Rows, rows_in
from apps.retrieval.compute.regions import REGIONS

Doubles = npt.NDArray[np.float64]
SOURCE = "r_regions"


def normalised(vectors: Doubles) -> Doubles:
    """Vectors along the last axis with length 1; those of length 0 stay."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    found: Doubles = np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)
    return found


def regions_in(rows: npt.NDArray[Any]) -> Doubles:
    """Rows (n, regions x channels) as unit vectors (n, regions, channels)."""
    return normalised(rows.reshape(len(rows), REGIONS, -1).astype(np.float64))


class RegionalMaxima:
    name = "r_mac"
    version = "rmac.1"

    def learn(
        self,
        *,
        sources: Mapping[str, Rows],
        ordinals: npt.NDArray[np.int64],
        progress: Callable[[int], None],
    ) -> dict[str, Array]:
        """Mean and whitening of the regions of all images.

        Returns:
            `mean` (channels,), `projection` (channels, channels) whose columns are the
            eigenvectors, the strongest first and each with its largest entry positive, over the
            root of their eigenvalue (0 where nothing varies), `eigenvalues` (channels,) as
            measured, `shrinkage` () in 0..1.
        """
        rows = sources[SOURCE]

        def vectors(*, before: int) -> Iterator[Doubles]:
            for done, block in rows_in(rows, ordinals=ordinals):
                yield regions_in(block).reshape(-1, rows.dimensions // REGIONS)
                progress((before + done) // 2)  # of two readings

        number = len(ordinals) * REGIONS
        mean = np.zeros(rows.dimensions // REGIONS)
        for block in vectors(before=0):
            mean += block.sum(axis=0)
        mean /= number
        covariance = np.zeros((len(mean), len(mean)))
        fourth_powers = 0.0
        for block in vectors(before=rows.count):
            block -= mean
            covariance += block.T @ block
            fourth_powers += float((np.einsum("ij,ij->i", block, block) ** 2).sum())
        covariance /= number
        shrinkage = _shrinkage(
            covariance=covariance, fourth_powers=fourth_powers / number, number=number
        )
        eigenvalues, vectors_of = np.linalg.eigh(covariance)
        eigenvalues = np.maximum(eigenvalues[::-1], 0.0)
        vectors_of = vectors_of[:, ::-1]
        largest = np.abs(vectors_of).argmax(axis=0)
        vectors_of = vectors_of * np.where(vectors_of[largest, np.arange(len(mean))] < 0, -1.0, 1.0)
        shrunk = (1 - shrinkage) * eigenvalues + shrinkage * eigenvalues.mean()
        # Below this a variance is what rounding left of nothing, of the matrix or of the vectors.
        rounding = len(mean) * np.finfo(np.float64).eps
        length = float(eigenvalues.sum() + mean @ mean)
        varies = shrunk > max(eigenvalues[0] * rounding, length * rounding**2)
        scale = np.divide(1.0, np.sqrt(shrunk), out=np.zeros_like(shrunk), where=varies)
        return {
            "mean": mean,
            "projection": vectors_of * scale,
            "eigenvalues": eigenvalues,
            "shrinkage": np.array(shrinkage),
        }

    def transform(self, *, sources: Mapping[str, Array], model: Model) -> dict[str, Array]:
        """Rows (n, regions x channels) of `r_regions` to rows (n, channels) of `r_mac`."""
        regions = regions_in(sources[SOURCE])
        whitened = (regions - model["mean"]) @ model["projection"]
        # A region where nothing was active is no direction: it adds nothing.
        whitened[~regions.any(axis=2)] = 0.0
        return {"r_mac": normalised(normalised(whitened).sum(axis=1)).astype(np.float32)}


def _shrinkage(*, covariance: Doubles, fourth_powers: float, number: int) -> float:
    """How far to draw the covariance towards a multiple of the identity, in 0..1.

    Args:
        covariance: (d, d), of centred vectors.
        fourth_powers: the mean of the vectors' lengths to the fourth.
        number: of vectors.
    """
    squares = float((covariance**2).sum())
    spread = squares - float(np.trace(covariance)) ** 2 / len(covariance)
    error = (fourth_powers - squares) / number
    # All directions vary alike up to rounding: nothing to shrink towards, or nothing at all.
    if spread <= squares * np.finfo(np.float64).eps:
        return 0.0
    return min(max(error / spread, 0.0), 1.0)
