"""The labelled pictures behind screening: the split by source, and compound figures made of them.

What the rules and coefficients were tuned on and what they are measured on never share a source.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

# Seen while the rules were written and the coefficients fitted. All other sources are held out.
TUNING = frozenset(
    {
        "vega/vega-lite",
        "rasbt/machine-learning-book",
        "rougier/scientific-visualization-book",
        "quantumnaan/sic_translator",
        "CHILab1/MedPix-2.0",
        "Shenggan/BCCD_Dataset",
        "datitran/raccoon_dataset",
    }
)
DRAWN = frozenset({"chart", "diagram", "multipanel"})
GRIDS = ((1, 2), (2, 1), (2, 2), (1, 3), (2, 3), (3, 3))
GUTTERS = {"white": 255, "black": 0, "none": 0}

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Picture:
    path: str
    kind: str
    source: str
    group: str  # pictures of one group are near-duplicates: never on both sides of a split

    @property
    def is_drawn(self) -> bool:
        return self.kind in DRAWN

    @property
    def is_multipanel(self) -> bool:
        return self.kind == "multipanel"


def pictures(folder: Path) -> list[Picture]:
    """All pictures of the manifest, in its order."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [
        Picture(path=row["path"], kind=row["kind"], source=row["source"], group=row["source"])
        for row in rows
    ]


def pixels_of(folder: Path, picture: Picture) -> Pixels:
    return np.asarray(Image.open(folder / picture.path).convert("RGB"))


def compound(folder: Path, pool: list[Picture], *, gutter: str, rng: np.random.Generator) -> Pixels:
    """A figure of 2 to 9 photographs in a grid, as a JPEG of at most 320 pixels would show it."""
    rows, columns = GRIDS[int(rng.integers(len(GRIDS)))]
    width = int(rng.integers(90, 160))
    height = int(width * rng.uniform(0.7, 1.4))
    gap = 0 if gutter == "none" else int(rng.integers(3, 9))
    size = (rows * (height + gap) - gap, columns * (width + gap) - gap, 3)
    sheet = np.full(size, GUTTERS[gutter], dtype=np.uint8)
    for row in range(rows):
        for column in range(columns):
            picture = pool[int(rng.integers(len(pool)))]
            tile = Image.fromarray(pixels_of(folder, picture)).resize((width, height))
            top, left = row * (height + gap), column * (width + gap)
            sheet[top : top + height, left : left + width] = np.asarray(tile)
    shown = Image.fromarray(sheet)
    shown.thumbnail((320, 320))
    file = io.BytesIO()
    shown.save(file, "JPEG", quality=85)
    return np.asarray(Image.open(file))
