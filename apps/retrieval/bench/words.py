"""Cluster words: learning them, and asking the index of the paper's number of images."""

import time

import numpy as np

from apps.retrieval.bench.base import Measurement, quickest
from apps.retrieval.compute.kmeans import clustered
from apps.retrieval.compute.learned.words import FEATURES, default_clusters, indexed
from apps.retrieval.compute.search import cluster_words

IMAGES, QUERIES, BEST = 678_347, 200, 500
LEVELS = 192  # FCTH, the largest of the five


def words_of_the_papers_size(*, quick: bool) -> list[Measurement]:
    """Clusters of one descriptor of a smaller collection; 200 queries to a made-up index."""
    rng = np.random.default_rng(0)
    images = 5_000 if quick else 40_000
    kinds = rng.integers(0, 8, size=(images // 50, LEVELS))
    points = kinds[rng.integers(0, len(kinds), size=images)] + rng.integers(-1, 2, (images, LEVELS))
    clusters = default_clusters(images=images)
    started = time.perf_counter()
    clustered(np.clip(points, 0, 7).astype(np.uint8), clusters=clusters)
    learning = time.perf_counter() - started

    sizes = [default_clusters(images=IMAGES)] * len(FEATURES)
    words = rng.integers(0, sizes[0], size=(IMAGES, len(FEATURES)))
    postings, starts = indexed(words, ordinals=np.arange(IMAGES), sizes=sizes)
    model = {
        "sizes": np.array(sizes),
        "postings": postings,
        "starts": starts,
        "documents": np.array(IMAGES),
    }
    rows = [np.empty((IMAGES, len(FEATURES)), dtype=np.float32)]  # only counted
    eligible = np.ones(IMAGES, dtype=np.bool_)

    def ask() -> None:
        cluster_words(
            queries=words[:QUERIES].astype(np.float32),
            shards=rows,
            first=0,
            eligible=eligible,
            own=np.arange(QUERIES),
            k=BEST,
            model=model,
        )

    asking = quickest({"ask": ask}, rounds=3)["ask"]
    return [
        Measurement(f"cw, {clusters} clusters of {images:,} x {LEVELS}", learning, "s"),
        Measurement(f"cw, {QUERIES} queries, {IMAGES:,} images, top-{BEST}", asking, "s"),
    ]
