"""K-means, compared with every step written out in float64."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from apps.retrieval.compute import kmeans


def squared(points: np.ndarray, centroids: np.ndarray) -> np.ndarray:
    wide = points.astype(np.float64)
    return np.stack([kmeans.squared_distances(wide, one) for one in centroids], axis=1)


@st.composite
def points_to_cluster(draw):
    """Few values and few columns: many points are the same or equally far from two centroids."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, 120)), draw(st.integers(1, 6)))
    points = rng.integers(0, draw(st.sampled_from([1, 2, 4, 200])), size=shape).astype(np.uint8)
    if draw(st.booleans()):
        points = points.astype(np.float32) * np.float32(0.1)
    distinct = len(np.unique(points, axis=0))
    return points, draw(st.integers(1, distinct))


@settings(max_examples=150, deadline=None)
@given(points_to_cluster())
def test_every_point_is_in_the_cluster_of_its_nearest_centroid(problem):
    points, clusters = problem
    centroids, labels = kmeans.clustered(points, clusters=clusters)
    np.testing.assert_array_equal(np.unique(labels), np.arange(clusters))
    found = kmeans.nearest(points, centroids=centroids)
    np.testing.assert_array_equal(found, squared(points, centroids).argmin(axis=1))
    # Numbered by the smallest member.
    first = [int(np.flatnonzero(labels == cluster)[0]) for cluster in range(clusters)]
    assert first == sorted(first)


@settings(max_examples=100, deadline=None)
@given(points_to_cluster())
def test_the_first_centroids_are_those_of_the_definition(problem):
    """Without leaving out points by the triangle inequality."""
    points, clusters = problem
    bits = np.random.PCG64(0)
    chosen = [int((int(bits.random_raw()) >> 11) * 2.0**-53 * len(points))]
    while len(chosen) < clusters:
        left = squared(points, points[chosen].astype(np.float64)).min(axis=1)
        sums = np.cumsum(left)
        drawn = (int(bits.random_raw()) >> 11) * 2.0**-53 * sums[-1]
        chosen.append(int(np.argmax(sums > drawn)))
    found = kmeans.first_centroids(points, clusters=clusters, seed=0)
    np.testing.assert_array_equal(found, points[chosen])
    assert len(np.unique(found, axis=0)) == clusters


@settings(max_examples=60, deadline=None)
@given(points_to_cluster(), st.integers(1, 50))
def test_blocks_and_threads_decide_nothing(problem, rows):
    points, clusters = problem
    expected = kmeans.clustered(points, clusters=clusters)
    with threadpool_limits(1), pytest.MonkeyPatch.context() as patch:
        patch.setattr(kmeans, "UNIT_32", 0.5)  # no centroid is ruled out by float32
        found = kmeans.clustered(points, clusters=clusters)
        for one, right in zip(found, expected, strict=True):
            np.testing.assert_array_equal(one, right)
        patch.setattr(kmeans, "ROWS_AT_ONCE", rows)
        centroids = kmeans.nearest(points, centroids=expected[0])
        np.testing.assert_array_equal(centroids, squared(points, expected[0]).argmin(axis=1))


def test_centroids_that_float32_cannot_tell_apart_are_told_apart():
    rng = np.random.default_rng(3)
    middle = rng.random(100).astype(np.float32) * 1000
    centroids = middle + rng.normal(size=(40, 100)) * 1e-5
    points = np.repeat(middle[None], 30, axis=0) + rng.normal(size=(30, 100)).astype(np.float32)
    right = squared(points, centroids).argmin(axis=1)
    np.testing.assert_array_equal(kmeans.nearest(points, centroids=centroids), right)
    narrow = centroids.astype(np.float32)
    s = (narrow**2).sum(axis=1) - 2 * points @ narrow.T
    assert (s.argmin(axis=1) != right).any()


def test_separate_groups_are_found():
    rng = np.random.default_rng(0)
    groups = rng.permutation(np.repeat(np.arange(7), 30))
    points = (100 * groups[:, None] + rng.random((210, 3))).astype(np.float32)
    _, labels = kmeans.clustered(points, clusters=7)
    assert len({(int(a), int(b)) for a, b in zip(groups, labels, strict=True)}) == 7


def test_a_cluster_that_lost_its_points_takes_the_farthest_and_a_tie_goes_to_the_earlier():
    points = np.array([[0], [4], [1], [9], [5], [10]], dtype=np.uint8)
    centroids = np.array([[0.0], [50], [9], [60]])
    labels = np.array([0, 2, 0, 2, 2, 2])
    # Squared distances 0, 25, 1, 0, 16, 1: point 1 goes to cluster 1, then point 4 to cluster 3.
    kmeans.fill_empty(labels, points=points, centroids=centroids)
    assert labels.tolist() == [0, 1, 0, 2, 3, 2]
    tie = np.array([[1], [3], [2]], dtype=np.uint8)
    labels = np.zeros(3, dtype=np.int64)
    kmeans.fill_empty(labels, points=tie, centroids=np.array([[2.0], [9]]))
    assert labels.tolist() == [1, 0, 0]


def test_the_only_point_of_a_cluster_stays():
    points = np.array([[9], [1], [2]], dtype=np.uint8)
    labels = np.array([0, 1, 1])
    kmeans.fill_empty(labels, points=points, centroids=np.array([[0.0], [1], [70]]))
    assert labels.tolist() == [0, 1, 2]  # point 0 is farther, but alone


def test_the_work_can_be_stopped_and_says_how_far_it_is():
    points = np.random.default_rng(0).random((50, 2)).astype(np.float32)
    told: list[tuple[int, int]] = []
    kmeans.clustered(points, clusters=4, on_step=lambda *far: told.append(far))
    assert len(told) > 5
    assert told == [(done, 4 + kmeans.ROUNDS) for done in range(1, len(told) + 1)]

    def stop(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        kmeans.clustered(points, clusters=4, on_step=stop)


def test_distinct_rows_are_counted_up_to_a_limit():
    points = np.array([[1, 2], [1, 2], [2, 1], [0, 0]], dtype=np.uint8)
    assert kmeans.distinct_rows(points, most=10) == 3
    assert kmeans.distinct_rows(points, most=2) == 2
