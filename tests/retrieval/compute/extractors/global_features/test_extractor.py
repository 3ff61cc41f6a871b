"""All descriptors together: any batch, any spaces, any image."""

import numpy as np
import pytest

from apps.retrieval.compute.extractors.global_features import GlobalFeatures, planes
from tests.factories.pictures import noise, one_colour, picture_array

EXTRACTOR = GlobalFeatures()
SPACES = tuple(EXTRACTOR.dimensions)


def features(image: np.ndarray) -> dict[str, np.ndarray]:
    return {name: rows[0] for name, rows in EXTRACTOR.extract([EXTRACTOR.prepare(image)]).items()}


def test_the_spaces_have_their_dimensions_in_float32():
    assert EXTRACTOR.dimensions["gf"] == 492
    for name, vector in features(picture_array(1)).items():
        assert vector.shape == (EXTRACTOR.dimensions[name],)
        assert vector.dtype == np.float32


def test_a_batch_gives_what_its_images_give_alone():
    images = [noise(seed, width=9 * seed + 30, height=70 - 9 * seed) for seed in range(5)]
    together = EXTRACTOR.extract([EXTRACTOR.prepare(image) for image in images])
    for name in SPACES:
        np.testing.assert_array_equal(
            together[name], np.stack([features(image)[name] for image in images]), err_msg=name
        )


@pytest.mark.parametrize("spaces", [["gf"], ["ehd"], ["cld", "gf"], ["gabor", "cedd"]], ids=str)
def test_what_is_asked_for_together_does_not_change_the_numbers(spaces):
    image = noise(3, width=90, height=61)
    found = EXTRACTOR.extract([EXTRACTOR.prepare(image, spaces=spaces)], spaces=spaces)
    assert list(found) == spaces
    for name in spaces:
        np.testing.assert_array_equal(found[name][0], features(image)[name])


@pytest.mark.parametrize("strip", [1, 1000, 2**18])
def test_the_size_of_the_strips_changes_nothing(strip, monkeypatch):
    image = noise(2, width=131, height=197)
    expected = features(image)
    monkeypatch.setattr(planes, "STRIP", strip)
    for name, vector in features(image).items():
        np.testing.assert_array_equal(vector, expected[name], err_msg=name)


@pytest.mark.parametrize(
    "size", [(1, 1), (3, 900), (900, 3), (1, 300), (300, 7), (3, 5), (4, 4), (39, 80)], ids=str
)
def test_tiny_and_thin_images_have_vectors_within_their_ranges(size):
    found = features(noise(0, width=size[1], height=size[0]))
    for name, most in {"fcth": 7, "cedd": 7, "ehd": 7, "cld": 63}.items():
        assert found[name].min() >= 0
        assert found[name].max() <= most
        assert (found[name] == np.round(found[name])).all()
    assert all(np.isfinite(vector).all() for vector in found.values())


def test_a_constant_image_has_colour_and_no_texture():
    found = features(one_colour(90, 140, 200))
    assert not found["gabor"].any()
    assert not found["ehd"].any()
    assert np.flatnonzero(found["fcth"]).tolist() == [18, 19]
    assert np.flatnonzero(found["cedd"]).tolist() == [18, 19]


def test_a_grey_image_has_no_colour():
    grey = noise(5, width=120, height=100)
    grey[...] = grey[..., :1]
    found = features(grey)
    for name in ("fcth", "cedd"):
        assert set(np.flatnonzero(found[name]) % 24) <= {0, 1, 2}
    np.testing.assert_array_equal(found["cld"][10:], [32, 16, 16, 32, 16, 16])


def test_an_image_prepared_for_other_spaces_is_an_error():
    with pytest.raises(KeyError):
        EXTRACTOR.extract([EXTRACTOR.prepare(picture_array(1), spaces=["cld"])], spaces=["ehd"])


def test_a_large_image_is_worked_on_in_strips_within_little_memory():
    import tracemalloc

    image = np.zeros((2000, 3000, 3), dtype=np.uint8)
    tracemalloc.start()
    try:
        EXTRACTOR.prepare(image, spaces=["fcth", "cedd", "ehd", "cld"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2 * image.nbytes  # in float64 all at once it would be nine times as much
