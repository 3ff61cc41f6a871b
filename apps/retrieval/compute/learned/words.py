"""`cw`: cluster words. Each descriptor is clustered alone; an image is the five clusters it is in.

The reference study (section 3.3) queries such words of global features with boolean OR, as text
engines do. It names neither the numbers of clusters nor the form of the query; the definition
here is this project's (docs/decisions/cluster_words.md).
"""

import math
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.kmeans import Points, clustered, distinct_rows, nearest
from apps.retrieval.compute.learned.base import Array, Model, Rows

FEATURES = ("fcth", "cedd", "ehd", "cld", "gabor")
MOST_CLUSTERS = 1000
REPORTS = 50
WORD = np.dtype("<U12")  # of a spelled word: the longest has a feature of five letters


def default_clusters(*, images: int) -> int:
    """The largest number of clusters when nobody says another: min(1000, ceil(sqrt(images)))."""
    return min(MOST_CLUSTERS, math.isqrt(images - 1) + 1)


class ClusterWords:
    """Rows of `cw` are the numbers of an image's five words, in the order of `FEATURES`.

    The model is the centroids and the inverted index over all images of the collection.
    """

    name = "cw"

    def __init__(self, *, most: int = 0) -> None:
        """Take the largest number of clusters per descriptor; 0: `default_clusters`."""
        self.most = most
        self.version = f"cw.1k{most}" if most else "cw.1"

    def learn(
        self,
        *,
        sources: Mapping[str, Rows],
        ordinals: npt.NDArray[np.int64],
        progress: Callable[[int], None],
    ) -> dict[str, Array]:
        """Cluster every descriptor and index the collection's words.

        Returns:
            `centroids_<feature>` (clusters, d); `sizes` (5,), how many clusters each has; the
            index: `postings` holds the ordinals of the images that have a word, word by word and
            ascending, `starts` (words + 1,) where each begins; the words of a feature follow those
            of the feature before. `documents` () is the number of images, `most` () what K was
            limited to.
        """
        most = self.most or default_clusters(images=len(ordinals))
        model: dict[str, Array] = {}
        columns, sizes = [], []
        told = _Told(progress, images=int(ordinals[-1]))
        for number, feature in enumerate(FEATURES):
            points = _read(sources[feature], ordinals=ordinals)
            clusters = distinct_rows(points, most=most)
            centroids, _ = clustered(
                points, clusters=clusters, on_step=partial(told.step, feature=number)
            )
            model[f"centroids_{feature}"] = centroids
            sizes.append(clusters)
            columns.append(nearest(points, centroids=centroids))
        postings, starts = indexed(np.stack(columns, axis=1), ordinals=ordinals, sizes=sizes)
        return model | {
            "sizes": np.array(sizes),
            "postings": postings,
            "starts": starts,
            "documents": np.array(len(ordinals)),
            "most": np.array(most),
        }

    def transform(self, *, sources: Mapping[str, Array], model: Model) -> dict[str, Array]:
        """The numbers of the nearest centroids, (n, 5), whole numbers in float32."""
        words = [
            nearest(_compact(sources[feature]), centroids=model[f"centroids_{feature}"])
            for feature in FEATURES
        ]
        return {"cw": np.stack(words, axis=1).astype(np.float32)}


def spelled(rows: Array) -> npt.NDArray[np.str_]:
    """Rows (n, 5) of `cw` as text engines would index them, such as `cedd_0173`."""
    texts = [
        [f"{feature}_{int(number):04d}" for feature, number in zip(FEATURES, row, strict=True)]
        for row in rows.tolist()
    ]
    return np.array(texts, dtype=WORD).reshape(len(rows), len(FEATURES))


class _Told:
    """Says how far the clustering is, at most `REPORTS` times: each is written down."""

    def __init__(self, progress: Callable[[int], None], *, images: int) -> None:
        self.progress = progress
        self.images = images
        self.reports = 0

    def step(self, done: int, of: int, *, feature: int) -> None:
        share = (feature + done / of) / len(FEATURES)
        if share * REPORTS >= self.reports + 1:
            self.reports = int(share * REPORTS)
            self.progress(int(share * self.images))


def indexed(
    words: npt.NDArray[np.int64], *, ordinals: npt.NDArray[np.int64], sizes: list[int]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """The inverted index of words (n, 5): `postings` (5 n,) and `starts` (words + 1,)."""
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    numbers = (words + offsets[:-1]).ravel()
    order = np.argsort(numbers, kind="stable")  # within a word: by ordinal
    postings = np.repeat(ordinals, words.shape[1])[order]
    return postings, np.searchsorted(numbers[order], np.arange(offsets[-1] + 1))


def _read(rows: Rows, *, ordinals: npt.NDArray[np.int64]) -> Points:
    """All rows of some ordinals, in their order, whatever the order of the blocks."""
    points = np.empty((len(ordinals), rows.dimensions), dtype=np.uint8)
    for first, block in rows.blocks():
        low, high = np.searchsorted(ordinals, [first, first + len(block)])
        some = _compact(block[ordinals[low:high] - first])
        if some.dtype == np.float32 and points.dtype != np.float32:
            points = points.astype(np.float32)
        points[low:high] = some
    return points


def _compact(rows: Array) -> Points:
    """The same numbers in a byte each where all are such whole numbers, otherwise in float32."""
    with np.errstate(invalid="ignore"):
        narrow = rows.astype(np.uint8)
    return narrow if (narrow == rows).all() else rows.astype(np.float32)
