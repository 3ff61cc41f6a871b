"""Gabor moments, compared with sums written out, and LIRE's."""

import numpy as np
import pytest
from scipy.signal import fftconvolve
from skimage.filters import gabor_kernel

from apps.retrieval.compute.extractors.global_features import gabor, gabor_lire
from apps.retrieval.compute.extractors.global_features.planes import Planes
from tests.factories.pictures import noise, one_colour


def summed_up(image: np.ndarray) -> np.ndarray:
    """Pad, convolve, take magnitudes: the definition."""
    values = []
    for scale in range(5):
        for orientation in range(6):
            kernel = gabor.kernel(scale=scale, orientation=orientation)
            padded = np.pad(image, len(kernel) // 2, mode="symmetric")
            magnitude = np.abs(fftconvolve(padded, kernel, mode="valid"))
            assert magnitude.shape == image.shape
            values += [magnitude.mean(), magnitude.std()]
    return np.array(values)


@pytest.mark.parametrize(
    "size", [(64, 64), (48, 64), (64, 1), (1, 64), (1, 1), (7, 33), (64, 43)], ids=str
)
def test_it_is_the_convolution_with_reflected_borders(size):
    """Also where the filter, up to 91 pixels wide, is larger than the image."""
    image = np.random.default_rng(0).random(size) * 255 - 127
    found = gabor.moments([image])[0]
    np.testing.assert_allclose(found, summed_up(image), rtol=1e-9, atol=1e-9)


def test_images_of_one_size_may_come_together_or_alone():
    rng = np.random.default_rng(1)
    images = [rng.random(size) for size in [(8, 9)] * 70 + [(5, 5), (8, 9), (64, 64)]]
    together = gabor.moments(images)
    alone = np.concatenate([gabor.moments([image]) for image in images])
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("scale", range(5))
@pytest.mark.parametrize("orientation", [0, 1, 3, 5])
def test_kernels_are_those_of_scikit_image_in_the_middle(scale, orientation):
    along, across = gabor.deviations(scale=scale)
    theirs = gabor_kernel(
        frequency=gabor.LOWEST * gabor.RATIO**scale,
        theta=orientation * np.pi / 6,
        sigma_x=along,
        sigma_y=across,
    )
    ours = gabor.kernel(scale=scale, orientation=orientation)
    y, x = (min(a, b) // 2 for a, b in zip(ours.shape, theirs.shape, strict=True))

    def middle(kernel: np.ndarray) -> np.ndarray:
        at_y, at_x = (side // 2 for side in kernel.shape)
        return kernel[at_y - y : at_y + y + 1, at_x - x : at_x + x + 1]

    np.testing.assert_allclose(middle(ours), middle(theirs), rtol=1e-9, atol=1e-15)


def test_a_wave_answers_most_at_its_own_scale_and_orientation():
    y, x = np.mgrid[:64, :64]
    for scale, orientation in [(4, 0), (3, 1), (3, 2), (2, 3), (3, 4), (3, 5)]:
        angle = orientation * np.pi / 6
        frequency = gabor.LOWEST * gabor.RATIO**scale
        wave = np.cos(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)))
        means = gabor.moments([wave])[0].reshape(5, 6, 2)[..., 0]
        assert np.unravel_index(means.argmax(), means.shape) == (scale, orientation)


@pytest.mark.parametrize("size", [20, 64, 200])
@pytest.mark.parametrize("grey", [0, 46, 128, 255])
def test_a_constant_image_gives_zeros(size, grey):
    image = one_colour(grey, grey, grey, size=size)
    assert not gabor.moments([gabor.reduced(Planes(image))]).any()


@pytest.mark.parametrize(
    ("size", "reduced"),
    [((384, 512), (48, 64)), ((64, 64), (64, 64)), ((10, 20), (10, 20)), ((3, 900), (1, 64))],
    ids=str,
)
def test_the_longer_side_is_reduced_to_64_and_never_enlarged(size, reduced):
    image = noise(0, width=size[1], height=size[0])
    assert gabor.reduced(Planes(image)).shape == reduced


def test_lires_first_values_of_a_grey_image():
    image = one_colour(128, 128, 128)
    found = gabor_lire.moments([gabor_lire.reduced(Planes(image))])[0, :4]
    np.testing.assert_allclose(found, [10.097732, 0.020380, 10.101126, 0.020386], atol=5e-7)


@pytest.mark.parametrize("size", [(3, 40), (40, 3), (1, 1)], ids=str)
def test_where_lire_fails_there_are_zeros(size):
    image = np.full((*size, 3), 9, dtype=np.uint8)
    assert not gabor_lire.moments([gabor_lire.reduced(Planes(image))]).any()
