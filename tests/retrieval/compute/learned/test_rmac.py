from collections.abc import Iterator

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from apps.retrieval.compute.learned.rmac import RegionalMaxima
from apps.retrieval.compute.regions import REGIONS

CHANNELS = 12


class Rows:
    """An array as a source, in blocks of any size."""

    def __init__(self, array: np.ndarray, step: int = 7) -> None:
        self.array, self.step = array.astype(np.float32), step
        self.count, self.dimensions = array.shape

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        for start in range(0, self.count, self.step):
            yield start, self.array[start : start + self.step]


def maxima(images: int, seed: int = 0) -> np.ndarray:
    """Non-negative rows whose channels vary together and by different amounts."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(images * REGIONS, CHANNELS)) @ rng.normal(size=(CHANNELS, CHANNELS))
    return np.maximum(mixed + 1, 0).reshape(images, REGIONS * CHANNELS)


def learn(rows: np.ndarray, ordinals: np.ndarray | None = None, step: int = 7) -> dict:
    ordinals = np.arange(len(rows)) if ordinals is None else ordinals
    return RegionalMaxima().learn(
        sources={"r_regions": Rows(rows, step)}, ordinals=ordinals, progress=lambda done: None
    )


def transform(rows: np.ndarray, model: dict) -> np.ndarray:
    return RegionalMaxima().transform(sources={"r_regions": rows}, model=model)["r_mac"]


def unit_regions(rows: np.ndarray) -> np.ndarray:
    regions = rows.reshape(len(rows), REGIONS, CHANNELS).astype(np.float64)
    return regions / np.linalg.norm(regions, axis=2, keepdims=True)


def test_the_covariance_is_whitened_as_scikit_learn_shrinks_it():
    rows = maxima(400).astype(np.float32)
    model = learn(rows)
    vectors = unit_regions(rows).reshape(-1, CHANNELS)
    covariance, shrinkage = ledoit_wolf(vectors)
    assert model["shrinkage"] == pytest.approx(shrinkage, rel=1e-9)
    projection = model["projection"]
    np.testing.assert_allclose(projection.T @ covariance @ projection, np.eye(CHANNELS), atol=1e-9)
    np.testing.assert_allclose(model["mean"], vectors.mean(axis=0), atol=1e-12)
    assert (np.diff(model["eigenvalues"]) <= 0).all()


def test_with_many_images_every_direction_has_variance_one():
    rows = maxima(20_000).astype(np.float32)
    model = learn(rows, step=4096)
    whitened = (unit_regions(rows).reshape(-1, CHANNELS) - model["mean"]) @ model["projection"]
    assert model["shrinkage"] < 1e-3
    np.testing.assert_allclose(np.cov(whitened.T), np.eye(CHANNELS), atol=0.05)


def test_regions_are_whitened_normalised_and_summed():
    rows = maxima(30)
    model = learn(rows)
    found = transform(rows.astype(np.float32), model)
    expected = []
    for image in unit_regions(rows.astype(np.float32)):
        total = np.zeros(CHANNELS)
        for region in image:
            whitened = model["projection"].T @ (region - model["mean"])
            total += whitened / np.linalg.norm(whitened)
        expected.append(total / np.linalg.norm(total))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert found.dtype == np.float32


def test_learning_again_in_other_blocks_gives_the_same_space():
    rows = maxima(50)
    first, again = learn(rows), learn(rows)
    assert all(np.array_equal(first[name], again[name]) for name in first)
    np.testing.assert_allclose(
        transform(rows, learn(rows, step=50)), transform(rows, first), atol=1e-6
    )


def test_progress_goes_once_to_the_end():
    told = []
    RegionalMaxima().learn(
        sources={"r_regions": Rows(maxima(20))}, ordinals=np.arange(20), progress=told.append
    )
    assert told == sorted(told)
    assert told[-1] == 20


def test_every_direction_points_to_its_largest_entry():
    projection = learn(maxima(50))["projection"]
    largest = np.abs(projection).argmax(axis=0)
    assert (projection[largest, np.arange(CHANNELS)] > 0).all()


def test_missing_rows_are_left_out():
    rows = maxima(40)
    with_gaps = np.insert(rows, [3, 20], np.nan, axis=0)
    ordinals = np.flatnonzero(np.isfinite(with_gaps).all(axis=1))
    first, second = learn(rows), learn(with_gaps, ordinals)
    np.testing.assert_allclose(second["mean"], first["mean"], atol=1e-12)
    np.testing.assert_allclose(second["eigenvalues"], first["eigenvalues"], atol=1e-12)


@pytest.mark.parametrize("images", [1, 2])
def test_few_images_stay_finite_and_are_not_pushed_equally_far_apart(images):
    rows = maxima(images)
    model = learn(rows)
    assert 0 < model["shrinkage"] <= 1
    others = transform(maxima(20, seed=1), model)
    assert np.isfinite(others).all()
    np.testing.assert_allclose(np.linalg.norm(others, axis=1), 1, atol=1e-6)


def test_fewer_regions_than_channels_keep_near_pictures_near():
    rows = maxima(2)
    rows = np.concatenate([rows, rows[:1] * 1.01 + 0.01])  # the third is nearly the first
    found = transform(rows, learn(rows))
    assert np.linalg.norm(found[0] - found[2]) < np.linalg.norm(found[0] - found[1]) / 2


def test_what_does_not_vary_gives_zeros_not_nan():
    rows = np.ones((5, REGIONS * CHANNELS))
    model = learn(rows)
    np.testing.assert_array_equal(transform(rows, model), np.zeros((5, CHANNELS)))


def test_an_image_where_nothing_was_active_is_zero_and_a_silent_region_adds_nothing():
    rows = maxima(30)
    model = learn(rows)
    np.testing.assert_array_equal(transform(np.zeros((1, rows.shape[1])), model), 0)
    silent = rows[:1].copy()
    silent[:, :CHANNELS] = 0
    whitened = (unit_regions(rows[:1])[0, 1:] - model["mean"]) @ model["projection"]
    total = (whitened / np.linalg.norm(whitened, axis=1, keepdims=True)).sum(axis=0)
    np.testing.assert_allclose(
        transform(silent, model)[0], total / np.linalg.norm(total), atol=1e-6
    )


def test_a_row_depends_on_itself_and_the_model_only():
    rows = maxima(30)
    model = learn(rows)
    together = transform(rows, model)
    alone = np.concatenate([transform(rows[number : number + 1], model) for number in range(30)])
    np.testing.assert_allclose(together, alone, atol=1e-6)
