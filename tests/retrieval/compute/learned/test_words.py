"""Cluster words: learning, the inverted index, and boolean search, against sets of words."""

import math

import numpy as np
import pytest

from apps.retrieval.compute.learned import words
from apps.retrieval.compute.learned.words import FEATURES, ClusterWords
from apps.retrieval.compute.search import cluster_words, merged
from apps.retrieval.compute.search.words import PER_WORD, weights_of_words

DIMENSIONS = {"fcth": 6, "cedd": 5, "ehd": 4, "cld": 3, "gabor": 2}


class Blocks:
    """A source in memory, in blocks of any size and order."""

    def __init__(self, rows: np.ndarray, *, size: int = 7, backwards: bool = False) -> None:
        self.rows = rows.astype(np.float32)
        self.count, self.dimensions = rows.shape
        starts = range(0, len(rows), size)
        self.starts = list(reversed(starts)) if backwards else list(starts)
        self.size = size

    def blocks(self):
        for start in self.starts:
            yield start, self.rows[start : start + self.size]


def sources_of(n: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Levels for the first four, real numbers for gabor; images 3 and 11 are the same."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 5, size=n)
    found = {}
    for feature, columns in DIMENSIONS.items():
        middle = rng.integers(0, 8, size=(5, columns))
        rows = middle[kinds] + rng.integers(0, 2, size=(n, columns))
        found[feature] = rows + (rng.random((n, columns)) if feature == "gabor" else 0.0)
        if n > 11:
            found[feature][11] = found[feature][3]
    return found


def learned(sources, *, ordinals=None, most: int = 0, **blocks):
    n = len(sources["cld"])
    return ClusterWords(most=most).learn(
        sources={name: Blocks(rows, **blocks) for name, rows in sources.items()},
        ordinals=np.arange(n) if ordinals is None else ordinals,
        progress=lambda done: None,
    )


def transformed(sources, model) -> np.ndarray:
    narrow = {name: rows.astype(np.float32) for name, rows in sources.items()}
    return ClusterWords().transform(sources=narrow, model=model)["cw"]


def search(model, queries, *, n: int, k: int = 50, own=None, eligible=None, **options):
    return cluster_words(
        queries=queries,
        shards=[np.zeros((n, 5), np.float32)],
        first=0,
        eligible=np.ones(n, bool) if eligible is None else eligible,
        own=np.full(len(queries), -1) if own is None else np.asarray(own),
        k=k,
        model=model,
        **options,
    )


def by_definition(rows, query, *, itself: int, eligible, k: int, min_match: int = 1) -> list[int]:
    """Shared words, then the sum of their weights, then the ordinal."""
    documents = [set(enumerate(row)) for row in rows.tolist()]
    frequency = {word: sum(word in one for one in documents) for one in documents for word in one}

    def weight(word) -> float:
        df = frequency[word]
        return math.log(1 + (len(rows) - df + 0.5) / (df + 0.5))

    asked = set(enumerate(query.tolist()))
    found = []
    for ordinal, document in enumerate(documents):
        shared = asked & document
        if eligible[ordinal] and ordinal != itself and len(shared) >= min_match:
            found.append((-len(shared), -round(sum(sorted(map(weight, shared))), 9), ordinal))
    return [ordinal for *_, ordinal in sorted(found)][:k]


def test_every_image_has_five_words_and_is_five_times_in_the_index():
    sources = sources_of(40)
    model = learned(sources)
    assert model["most"] == math.ceil(math.sqrt(40))
    rows = transformed(sources, model)
    assert rows.shape == (40, 5)
    assert (rows >= 0).all()
    assert (rows < model["sizes"]).all()
    assert np.bincount(model["postings"]).tolist() == [5] * 40
    offsets = np.concatenate([[0], np.cumsum(model["sizes"])])
    for feature in range(5):
        for number in range(model["sizes"][feature]):
            word = offsets[feature] + number
            here = model["postings"][model["starts"][word] : model["starts"][word + 1]]
            assert here.tolist() == np.flatnonzero(rows[:, feature] == number).tolist()


@pytest.mark.parametrize("min_match", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("k", [1, 5, 100])
def test_the_ranking_is_that_of_the_definition(min_match, k):
    sources = sources_of(60)
    model = learned(sources)
    rows = transformed(sources, model)
    eligible = np.random.default_rng(1).random(60) > 0.2
    own = np.arange(0, 60, 5)
    found = search(model, rows[own], n=60, k=k, own=own, eligible=eligible, min_match=min_match)
    for one, itself in zip(found, own.tolist(), strict=True):
        assert one.ordinals.tolist() == by_definition(
            rows, rows[itself], itself=itself, eligible=eligible, k=k, min_match=min_match
        )
        assert (np.diff(one.distances) >= 0).all()


def test_a_word_that_half_of_the_images_have_weighs_less_than_a_rare_one():
    weights = weights_of_words(documents=10, frequencies=np.array([5, 1, 10]))
    expected = [math.log(1 + 5.5 / 5.5), math.log(1 + 9.5 / 1.5), math.log(1 + 0.5 / 10.5)]
    np.testing.assert_allclose(weights, expected, atol=1e-12)


def test_the_distance_says_how_many_words_are_shared_and_what_they_weigh():
    sources = sources_of(30)
    model = learned(sources)
    rows = transformed(sources, model)
    (found,) = search(model, rows[:1], n=30, own=[0])
    for ordinal, distance in zip(found.ordinals, found.distances, strict=True):
        shared, weight = divmod(-distance, PER_WORD)
        assert shared == (rows[ordinal] == rows[0]).sum()
        assert 0 < weight < PER_WORD


def test_with_one_cluster_all_images_share_all_words_in_the_order_of_ordinals():
    sources = sources_of(20)
    model = learned(sources, most=1)
    assert model["sizes"].tolist() == [1] * 5
    (found,) = search(model, transformed(sources, model)[[7]], n=20, own=[7], min_match=5)
    assert found.ordinals.tolist() == [n for n in range(20) if n != 7]
    assert len(set(found.distances.tolist())) == 1


def test_duplicates_of_the_query_come_first():
    sources = sources_of(50)
    model = learned(sources)
    rows = transformed(sources, model)
    found = search(model, rows[[3, 11]], n=50, own=[3, 11])
    best = [one.distances[0] for one in found]
    assert best[0] == best[1] <= -5 * PER_WORD
    for one, other in zip(found, (11, 3), strict=True):
        level_5 = one.ordinals[one.distances == one.distances[0]]
        assert other in level_5.tolist()
        assert (rows[level_5] == rows[3]).all()


@pytest.mark.parametrize("blocks", [{"size": 1}, {"size": 64}, {"size": 5, "backwards": True}])
def test_the_order_in_which_rows_come_does_not_change_the_index(blocks):
    sources = sources_of(45)
    expected = learned(sources)
    found = learned(sources, **blocks)
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)


def test_less_than_all_words_may_match_and_nothing_below_one_is_found():
    sources = sources_of(60)
    model = learned(sources)
    rows = transformed(sources, model)
    (found,) = search(model, rows[:1], n=60, own=[0])
    shared = (rows == rows[0]).any(axis=1)
    shared[0] = False
    assert sorted(found.ordinals.tolist()) == np.flatnonzero(shared).tolist()
    assert len(found.ordinals) < 59


def test_images_without_a_row_are_in_no_list():
    sources = sources_of(30)
    for rows in sources.values():
        rows[[2, 17]] = np.nan
    ordinals = np.setdiff1d(np.arange(30), [2, 17])
    model = learned(sources, ordinals=ordinals)
    assert model["documents"] == 28
    assert not {2, 17} & set(model["postings"].tolist())


def test_ranges_searched_apart_and_merged_give_what_one_search_gives():
    sources = sources_of(64)
    model = learned(sources)
    queries = transformed(sources, model)[[1, 40]]
    whole = search(model, queries, n=64, k=9, own=[1, 40])
    parts = [
        cluster_words(
            queries=queries,
            shards=[np.zeros((stop - start, 5), np.float32)],
            first=start,
            eligible=np.ones(stop - start, bool),
            own=np.array([1, 40]),
            k=9,
            model=model,
        )
        for start, stop in [(30, 64), (0, 7), (7, 30)]
    ]
    for number, one in enumerate(whole):
        joined = merged([part[number] for part in parts], k=9)
        np.testing.assert_array_equal(joined.ordinals, one.ordinals)
        np.testing.assert_array_equal(joined.distances, one.distances)


def test_the_largest_number_of_clusters_is_part_of_the_version():
    assert ClusterWords().version != ClusterWords(most=7).version
    sources = sources_of(60)
    assert learned(sources, most=3)["sizes"].max() == 3
    assert [words.default_clusters(images=n) for n in (1, 4, 5, 10**6, 10**7)] == [
        1,
        2,
        3,
        1000,
        1000,
    ]


def test_progress_only_grows_and_is_not_told_too_often():
    sources = sources_of(60)
    told: list[int] = []
    ClusterWords(most=20).learn(
        sources={name: Blocks(rows) for name, rows in sources.items()},
        ordinals=np.arange(60),
        progress=told.append,
    )
    assert told == sorted(told)
    assert 5 <= len(told) <= words.REPORTS
    assert told[-1] <= 60


def test_words_are_spelled_with_four_digits():
    row = np.array([[0, 173, 9, 12345, 7]], dtype=np.float32)
    assert words.spelled(row).tolist() == [
        ["fcth_0000", "cedd_0173", "ehd_0009", "cld_12345", "gabor_0007"]
    ]


@pytest.mark.parametrize("min_match", [0, 6])
def test_a_number_of_words_that_cannot_match_is_refused(min_match):
    model = learned(sources_of(5))
    with pytest.raises(ValueError, match="min_match"):
        search(model, np.zeros((1, 5)), n=5, min_match=min_match)


def test_the_features_are_the_sources_in_the_registry():
    from apps.retrieval import registry

    assert registry.learned_named(name="cw").sources == FEATURES
