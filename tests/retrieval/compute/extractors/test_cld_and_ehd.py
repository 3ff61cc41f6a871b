"""The examples of the specification, and equality with the reference vectors (LIRE 2021-04-23)."""

import json

import numpy as np
import pytest
from PIL import Image

from apps.retrieval.compute.extractors import cld, ehd
from apps.retrieval.compute.extractors.cld import ColourLayout
from apps.retrieval.compute.extractors.ehd import EdgeHistogram


def constant(r: int, g: int, b: int, *, size: int = 64) -> np.ndarray:
    return np.full((size, size, 3), (r, g, b), dtype=np.uint8)


def black_then_white(columns: int, *, size: int = 64) -> np.ndarray:
    image = constant(255, 255, 255, size=size)
    image[:, :columns] = 0
    return image


def white_over_blue() -> np.ndarray:
    image = constant(255, 255, 255, size=80)
    image[40:] = (0, 0, 255)
    return image


def layout(image: np.ndarray) -> list[int]:
    extractor = ColourLayout()
    return extractor.extract([extractor.prepare(image)])["cld"][0].astype(int).tolist()


def edges(image: np.ndarray) -> dict[int, int]:
    extractor = EdgeHistogram()
    levels = extractor.extract([extractor.prepare(image)])["ehd"][0].astype(int)
    return {int(bin): int(levels[bin]) for bin in np.flatnonzero(levels)}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(constant(0, 0, 0), [2, *[16] * 9, 32, 16, 16, 32, 16, 16], id="black"),
        pytest.param(constant(255, 255, 255), [61, *[16] * 9, 32, 16, 16, 32, 16, 16], id="white"),
        pytest.param(constant(128, 128, 128), [30, *[16] * 9, 32, 16, 16, 32, 16, 16], id="grey"),
        pytest.param(constant(255, 0, 0), [12, *[16] * 9, 6, 16, 16, 63, 16, 16], id="red"),
        pytest.param(
            constant(90, 140, 200), [32, *[16] * 9, 56, 16, 16, 11, 16, 16], id="a light blue"
        ),
        pytest.param(
            black_then_white(32),
            [30, 0, 16, 16, 16, 16, 28, 16, 16, 16, 32, 16, 16, 32, 16, 16],
            id="left half black, right half white",
        ),
        pytest.param(
            white_over_blue(),
            [36, 16, 31, 16, 16, 16, 16, 16, 16, 4, 61, 16, 0, 23, 16, 24],
            id="top half white, bottom half blue",
        ),
    ],
)
def test_colour_layout_of_the_examples(image, expected):
    assert layout(image) == expected


def grating() -> np.ndarray:
    image = constant(0, 0, 0)
    image[:, 1::2] = 255
    return image


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param(constant(90, 140, 200), {}, id="a constant image has no edges"),
        pytest.param(
            black_then_white(33), {10: 3, 30: 3, 50: 3, 70: 3}, id="one column of blocks sees it"
        ),
        pytest.param(black_then_white(32), {}, id="an edge between blocks is seen by none"),
        pytest.param(grating(), dict.fromkeys(range(0, 80, 5), 7), id="vertical edges everywhere"),
    ],
)
def test_edge_histogram_of_the_examples(image, expected):
    assert edges(image) == expected


def test_a_strength_of_exactly_eleven_is_an_edge():
    """3 x 3 quadrants with sums 1375, 1394, 1327, 1343: horizontal strength 99 / 9 = 11.

    The means of 9 pixels are not representable: computed from them it is 10.999999999999986.
    """
    sums = np.array([[1375, 1394], [1327, 1343]], dtype=np.float64).reshape(2, 2, 1, 1)
    direction, is_edge = ehd._directions(sums, pixels=9)
    assert (direction.item(), is_edge.item()) == (1, True)
    direction, is_edge = ehd._directions(sums / 9, pixels=1)
    assert not is_edge.item()


@pytest.mark.parametrize("strip", [1, 1000, 2**18])
def test_the_size_of_the_strips_changes_nothing(strip, monkeypatch):
    image = np.random.default_rng(2).integers(0, 256, size=(131, 97, 3)).astype(np.uint8)
    expected = layout(image), edges(image)
    monkeypatch.setattr(cld, "STRIP", strip)
    monkeypatch.setattr(ehd, "STRIP", strip)
    assert (layout(image), edges(image)) == expected


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (300, 7), (3, 5)], ids=str)
def test_tiny_and_thin_images_have_vectors_too(size):
    image = np.random.default_rng(2).integers(0, 256, size=(*size, 3)).astype(np.uint8)
    assert all(0 <= value <= 63 for value in layout(image))
    assert all(0 <= value <= 7 for value in edges(image).values())


def test_a_short_side_is_repeated_not_filled_with_black():
    white = np.full((4, 40, 3), 255, dtype=np.uint8)
    assert layout(white) == layout(constant(255, 255, 255))


def test_a_batch_gives_what_its_images_give_alone():
    rng = np.random.default_rng(0)
    images = [
        rng.integers(0, 256, size=(h, w, 3)).astype(np.uint8) for h, w in [(60, 80), (99, 33)]
    ]
    for extractor in (ColourLayout(), EdgeHistogram()):
        prepared = [extractor.prepare(image) for image in images]
        together = extractor.extract(prepared)[extractor.name]
        alone = [extractor.extract([one])[extractor.name][0] for one in prepared]
        np.testing.assert_array_equal(together, alone)
        assert together.dtype == np.float32
        assert together.shape[1] == extractor.dimensions[extractor.name]


def test_every_reference_vector_is_reached_exactly(shared):
    folder = shared / "data" / "global_features_reference"
    files = [image["file"] for image in json.loads((folder / "index.json").read_text())["images"]]
    images = [np.asarray(Image.open(folder / file).convert("RGB")) for file in files]
    with np.load(folder / "reference.npz") as reference:
        cells = np.stack([cld.grid_means(image=image, lire_compat=True) for image in images])
        np.testing.assert_array_equal(cld.coefficients(cells=cells), reference["cld16"])
        np.testing.assert_array_equal(
            cld.coefficients(cells=cells, counts=(21, 6, 6)), reference["cld33"]
        )
        np.testing.assert_array_equal(
            cld.coefficients(cells=cells, counts=(64, 64, 64)), reference["cld192"]
        )
        shares = np.stack([ehd.edge_shares(image=image, lire_compat=True) for image in images])
        np.testing.assert_array_equal(ehd.levels(shares=shares), reference["ehd"])
    assert len(images) >= 20
