"""Boolean search of cluster words by their inverted index."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.search.base import (
    DEFAULT_MEMORY,
    Doubles,
    Floats,
    Neighbours,
    OnRows,
    Ordinals,
    check,
    nearest,
)

# A shared word counts more than the weights of four: each is below 25 up to 1e11 images.
PER_WORD = 100.0
ONE = 2.0**40  # weights are whole numbers of 1 / ONE, so that their sums are exact


def weights_of_words(*, documents: int, frequencies: npt.NDArray[np.int64]) -> Doubles:
    """Inverse document frequencies ln(1 + (N - df + 0.5) / (df + 0.5)), rounded to 2^-40.

    Robertson and Sparck Jones' weight in the form that is never negative, as in Lucene's BM25.
    """
    exact = np.log1p((documents - frequencies + 0.5) / (frequencies + 0.5))
    return np.rint(exact * ONE) / ONE


def cluster_words(
    *,
    queries: Floats,
    shards: Sequence[Floats],
    first: int,
    eligible: npt.NDArray[np.bool_],
    own: Ordinals,
    k: int,
    memory: int = DEFAULT_MEMORY,
    threads: int | None = None,
    on_rows: OnRows | None = None,
    device: str = "cpu",
    model: Mapping[str, npt.NDArray[Any]],
    min_match: int = 1,
) -> list[Neighbours]:
    """Images that share at least `min_match` words with a query; see `Search`.

    More shared words come first, then the larger sum of their weights, then the lower ordinal.
    The distance is -(100 x shared words + sum), so that ascending distances are that order and
    searches of several ranges can be merged. Fewer than `k` are returned where fewer match.

    Args:
        queries: (queries, 5), numbers of words.
        shards: searched by the index: only how many rows they have is looked at.
        first: ordinal of their first row.
        eligible: see `Search`.
        own: see `Search`.
        k: see `Search`.
        memory: not needed: memory grows with the rows that match, at most all of the range.
        threads: one works.
        on_rows: told when all rows are done.
        device: always on the processor.
        model: of `apps.retrieval.compute.learned.words.ClusterWords`.
        min_match: 1 (any word) to 5 (all words).

    Raises:
        ValueError: see `Search`; `min_match` is not in 1..5.
    """
    check(queries=queries, shards=shards, eligible=eligible, own=own, k=k)
    features = len(model["sizes"])
    if not 1 <= min_match <= features:
        raise ValueError(f"min_match must be in 1..{features}, got {min_match}")
    starts = model["starts"]
    weights = weights_of_words(documents=int(model["documents"]), frequencies=np.diff(starts))
    offsets = np.concatenate([[0], np.cumsum(model["sizes"])[:-1]])
    words = queries.astype(np.int64) + offsets
    stop = first + len(eligible)
    found = []
    for its_words, itself in zip(words.tolist(), own.tolist(), strict=True):
        lists = []
        for word in its_words:
            postings = model["postings"][starts[word] : starts[word + 1]]
            lists.append(postings[slice(*np.searchsorted(postings, [first, stop]))])
        scores = np.repeat(PER_WORD + weights[its_words], [len(one) for one in lists])
        ordinals, place = np.unique(np.concatenate(lists), return_inverse=True)
        totals = np.bincount(place, weights=scores, minlength=len(ordinals))
        match = eligible[ordinals - first] & (ordinals != itself)
        match &= totals >= PER_WORD * min_match
        found.append(nearest(ordinals[match].astype(np.int64), -totals[match], k=k))
    if on_rows is not None:
        on_rows(len(eligible))
    return found
