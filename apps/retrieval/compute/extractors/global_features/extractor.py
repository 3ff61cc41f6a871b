"""All global descriptors of an image from one decoding; see the module of each."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.retrieval.compute.extractors.global_features import (
    cedd,
    cld,
    ehd,
    fcth,
    gabor,
    gabor_lire,
)
from apps.retrieval.compute.extractors.global_features.planes import Planes
from apps.retrieval.compute.pixels import Pixels


@dataclass(frozen=True)
class Descriptor:
    """`reduced` makes of an image what little its `values` need, which take a batch at a time."""

    dimensions: int
    reduced: Callable[[Planes], Any]
    values: Callable[[Sequence[Any]], npt.NDArray[Any]]


DESCRIPTORS = {
    "fcth": Descriptor(fcth.DIMENSIONS, fcth.blocks_of, fcth.levels),
    "cedd": Descriptor(cedd.DIMENSIONS, cedd.blocks_of, cedd.levels),
    "ehd": Descriptor(ehd.DIMENSIONS, ehd.edge_shares, ehd.levels),
    "cld": Descriptor(cld.DIMENSIONS, cld.grid_means, cld.levels),
    "gabor": Descriptor(gabor.DIMENSIONS, gabor.reduced, gabor.moments),
    "gabor_lire": Descriptor(gabor_lire.DIMENSIONS, gabor_lire.reduced, gabor_lire.moments),
}
GLOBAL_PARTS = ("fcth", "cedd", "ehd", "cld", "gabor")  # of `gf`, in this order


class GlobalFeatures:
    """`gf`, raw values of five descriptors one after another, and every descriptor for itself."""

    name = "global"
    version = "global.1"
    dimensions = {
        "gf": sum(DESCRIPTORS[part].dimensions for part in GLOBAL_PARTS),
        **{name: descriptor.dimensions for name, descriptor in DESCRIPTORS.items()},
    }
    batch_size = 64

    def prepare(
        self, image: Pixels, *, spaces: Sequence[str] = tuple(dimensions)
    ) -> dict[str, Any]:
        """Reduce an image (height, width, 3) to what the descriptors of `spaces` need."""
        planes = Planes(image)
        return {name: DESCRIPTORS[name].reduced(planes) for name in _descriptors_of(spaces)}

    def extract(
        self, batch: Sequence[dict[str, Any]], *, spaces: Sequence[str] = tuple(dimensions)
    ) -> dict[str, npt.NDArray[np.float32]]:
        """Turn prepared images into vectors, each descriptor computed once, (images, dimensions).

        Raises:
            KeyError: the images were prepared for other spaces.
        """
        values = {
            name: DESCRIPTORS[name].values([one[name] for one in batch]).astype(np.float32)
            for name in _descriptors_of(spaces)
        }
        if "gf" in spaces:
            values["gf"] = np.concatenate([values[part] for part in GLOBAL_PARTS], axis=1)
        return {name: values[name] for name in spaces}


def _descriptors_of(spaces: Sequence[str]) -> list[str]:
    wanted = {*spaces, *GLOBAL_PARTS} if "gf" in spaces else set(spaces)
    return [name for name in DESCRIPTORS if name in wanted]
