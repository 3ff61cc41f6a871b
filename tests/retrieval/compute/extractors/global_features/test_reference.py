"""Equality with the reference vectors: LIRE of 2021-04-23, and Gabor moments of SciPy's."""

import json

import numpy as np
import pytest
from PIL import Image

from apps.retrieval.compute.extractors.global_features import (
    GlobalFeatures,
    cedd,
    cld,
    ehd,
    fcth,
    gabor,
    gabor_lire,
)
from apps.retrieval.compute.extractors.global_features.planes import Planes
from apps.retrieval.compute.search.definition import tanimoto_matrix


@pytest.fixture(scope="module")
def reference(shared):
    with np.load(shared / "data" / "global_features_reference" / "reference.npz") as content:
        return dict(content)


@pytest.fixture(scope="module")
def images(shared) -> list[np.ndarray]:
    folder = shared / "data" / "global_features_reference"
    files = [image["file"] for image in json.loads((folder / "index.json").read_text())["images"]]
    assert len(files) >= 20
    return [np.asarray(Image.open(folder / file).convert("RGB")) for file in files]


@pytest.fixture(scope="module")
def planes(images) -> list[Planes]:
    return [Planes(image) for image in images]


@pytest.mark.parametrize(
    ("name", "counts"), [("cld16", (10, 3, 3)), ("cld33", (21, 6, 6)), ("cld192", (64, 64, 64))]
)
def test_colour_layout(planes, reference, name, counts):
    cells = [cld.grid_means(one, lire_compat=True) for one in planes]
    np.testing.assert_array_equal(cld.levels(cells, counts=counts), reference[name])


def test_edge_histogram(planes, reference):
    shares = [ehd.edge_shares(one, lire_compat=True) for one in planes]
    np.testing.assert_array_equal(ehd.levels(shares), reference["ehd"])


@pytest.mark.parametrize(("name", "descriptor"), [("fcth", fcth), ("cedd", cedd)])
def test_fuzzy_histograms(planes, reference, name, descriptor):
    blocks = [descriptor.blocks_of(one) for one in planes]
    np.testing.assert_allclose(
        np.stack([descriptor.histogram(one) for one in blocks]),
        reference[f"{name}_unquantised"],
        rtol=0,
        atol=1e-14,
    )
    levels = descriptor.levels(blocks)
    np.testing.assert_array_equal(levels, reference[name])
    distances = tanimoto_matrix(levels.astype(np.float32), levels.astype(np.float32))
    np.testing.assert_allclose(distances, reference[f"dist_{name}_lire"], rtol=1e-9, atol=1e-9)


def test_gabor_moments(planes, reference):
    found = gabor.moments([gabor.reduced(one) for one in planes])
    np.testing.assert_allclose(found, reference["gabor_mm60"], rtol=1e-10, atol=1e-12)


def test_gabor_of_lire(planes, reference):
    reduced = [gabor_lire.reduced(one) for one in planes]
    for row, image in enumerate(reduced):
        np.testing.assert_array_equal(image, reference[f"java_scaled_red_{row:02d}"])
    np.testing.assert_allclose(gabor_lire.moments(reduced), reference["gabor_lire"], rtol=1e-9)


def test_global_features_are_the_five_one_after_another(images, reference):
    """The last image has sides below 8, where ours differ from LIRE's on purpose."""
    extractor = GlobalFeatures()
    found = extractor.extract([extractor.prepare(image) for image in images[:-1]])["gf"]
    parts = [reference[name][:-1] for name in ("fcth", "cedd", "ehd", "cld16")]
    np.testing.assert_array_equal(found[:, :432], np.concatenate(parts, axis=1))
    np.testing.assert_allclose(found[:, 432:], reference["gabor_mm60"][:-1], rtol=1e-6, atol=1e-12)
