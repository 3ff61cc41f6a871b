"""Overlapping details of the photographs that ship inside scikit-image and scikit-learn.

Both packages are installed with Likeness, so the demo needs no download. Details of one
photograph overlap, so every query has near and far neighbours to tell apart.
"""

import csv
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from PIL import Image

SEED = 2017
LONGEST_SIDE = 480  # px; larger details are scaled down
FIELDS = ["file_name", "photograph", "subject", "domain"]


@dataclass(frozen=True)
class Photograph:
    """A photograph in an installed package, and how many details are cut from it."""

    package: str
    path: str
    subject: str
    domain: str
    details: int

    @property
    def name(self) -> str:
        return Path(self.path).stem

    def locate(self) -> Path:
        """Its file, found without importing the package.

        Raises:
            FileNotFoundError: the package is not installed or ships without it.
        """
        spec = find_spec(self.package)
        folders = list(spec.submodule_search_locations or []) if spec else []
        for folder in folders:
            if (path := Path(folder) / self.path).is_file():
                return path
        raise FileNotFoundError(f"{self.package} is installed without {self.path}.")


PHOTOGRAPHS = (
    Photograph("skimage", "data/retina.jpg", "retina", "medical", 40),
    Photograph("skimage", "data/ihc.png", "histology", "medical", 36),
    Photograph("skimage", "data/cell.png", "cells", "medical", 30),
    Photograph("skimage", "data/astronaut.png", "people", "open", 18),
    Photograph("skimage", "data/camera.png", "people", "open", 16),
    Photograph("skimage", "data/chelsea.png", "animals", "open", 16),
    Photograph("skimage", "data/coffee.png", "objects", "open", 14),
    Photograph("skimage", "data/coins.png", "objects", "open", 14),
    Photograph("skimage", "data/clock_motion.png", "objects", "open", 8),
    Photograph("skimage", "data/motorcycle_left.png", "objects", "open", 16),
    Photograph("skimage", "data/rocket.jpg", "objects", "open", 14),
    Photograph("skimage", "data/moon.png", "sky", "open", 14),
    Photograph("skimage", "data/hubble_deep_field.jpg", "sky", "open", 16),
    Photograph("skimage", "data/brick.png", "surfaces", "open", 8),
    Photograph("skimage", "data/gravel.png", "surfaces", "open", 8),
    Photograph("skimage", "data/grass.png", "surfaces", "open", 8),
    Photograph("skimage", "data/page.png", "texts", "open", 8),
    Photograph("skimage", "data/text.png", "texts", "open", 8),
    Photograph("sklearn", "datasets/images/china.jpg", "places", "open", 16),
    Photograph("sklearn", "datasets/images/flower.jpg", "plants", "open", 14),
)

# (query id, category, image_id): chosen by eye, one or two details of clearly different subjects.
QUERIES = (
    ("q01", "Medical (Open)", "retina/03.jpg"),
    ("q02", "Medical (Open)", "retina/21.jpg"),
    ("q03", "Medical (Open)", "ihc/05.jpg"),
    ("q04", "Medical (Open)", "ihc/14.jpg"),
    ("q05", "Medical (Open)", "cell/08.jpg"),
    ("q06", "Open Domain", "astronaut/02.jpg"),
    ("q07", "Open Domain", "chelsea/04.jpg"),
    ("q08", "Open Domain", "coins/06.jpg"),
    ("q09", "Open Domain", "moon/03.jpg"),
    ("q10", "Open Domain", "rocket/05.jpg"),
    ("q11", "Open Domain", "page/02.jpg"),
    ("q12", "Open Domain", "china/07.jpg"),
)


def cut_details(folder: Path) -> Path:
    """Write all details and a manifest into `folder`; return the manifest's path.

    The same packages give the same pixels every time.
    """
    rows: list[dict[str, str]] = []
    for index, photograph in enumerate(PHOTOGRAPHS):
        rng = np.random.default_rng([SEED, index])
        with Image.open(photograph.locate()) as opened:
            picture = opened.convert("RGB")
        for number in range(photograph.details):
            detail = _detail(picture, rng)
            file_name = f"{photograph.name}/{number:02d}.jpg"
            path = folder / file_name
            path.parent.mkdir(parents=True, exist_ok=True)
            detail.save(path, quality=90)
            rows.append(
                {
                    "file_name": file_name,
                    "photograph": photograph.name,
                    "subject": photograph.subject,
                    "domain": photograph.domain,
                }
            )
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return manifest


def _detail(picture: Image.Image, rng: np.random.Generator) -> Image.Image:
    """A part of 45 to 75 % of each side, anywhere in the picture."""
    width, height = (round(side * rng.uniform(0.45, 0.75)) for side in picture.size)
    left = int(rng.integers(0, picture.width - width + 1))
    top = int(rng.integers(0, picture.height - height + 1))
    detail = picture.crop((left, top, left + width, top + height))
    detail.thumbnail((LONGEST_SIDE, LONGEST_SIDE), Image.Resampling.LANCZOS)
    return detail
