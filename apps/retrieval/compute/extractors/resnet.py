"""ResNet: `r_full`, `r_sum`, `r_max` of layer 5A and `r_regions`, all from one forward pass.

Layer 5A of the reference study is 512 x 7 x 7 = 25,088 numbers ("the convolutional layer 5A of
RESNET50", section 2 and table 2). In ResNet-50 that is the 3 x 3 convolution of the first block of
the fifth group (`res5a_branch2b`), read after batch normalisation and ReLU, as a network's
features are: transformers' `encoder.stages[3].layers[0].layer[1]`, which ends with its
activation. ResNet-18 has no such bottleneck; the layer of the same size and place that ends with
an activation is the first block itself, `encoder.stages[3].layers[0]` (`res5a`).

All values are therefore >= 0. `r_full` is the layer flattened channel by channel, then row by
row; `r_sum` and `r_max` are the sum and the maximum over the 49 places of every channel.

`r_regions` is what `r_mac` learns from: the maxima of the last convolutional layer (the output of
the fifth group, 7 x 7 as well) in the five regions of `apps.retrieval.compute.regions`, region by
region. The forward pass goes on to that layer only when it is asked for.

Preprocessing: shorter side to 256 by Pillow bilinear (sides `round(side * 256 / shorter)`), the
centre 224 x 224 (offsets floored), ImageNet mean and deviation. Everything in float32; TF32 is
off, so that processors and GPUs differ by rounding only.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from transformers import ResNetConfig, ResNetModel

from apps.retrieval.compute.extractors.network import Found, Network, over_places, to_numpy
from apps.retrieval.compute.pixels import Pixels, UnreadableError
from apps.retrieval.compute.regions import REGIONS, regions_of
from apps.retrieval.compute.weights import LAST_CHANNELS, Weights, WeightsDamagedError

SHORTER_SIDE = 256
CROP = 224
MOST_ELONGATED = 1000
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
CHANNELS, SIDE = 512, 7
PLACES = SIDE * SIDE

CONFIGS: dict[str, dict[str, Any]] = {
    "resnet50": {
        "layer_type": "bottleneck",
        "depths": [3, 4, 6, 3],
        "hidden_sizes": [256, 512, 1024, 2048],
    },
    "resnet18": {
        "layer_type": "basic",
        "depths": [2, 2, 2, 2],
        "hidden_sizes": [64, 128, 256, 512],
    },
}


def crop_of(image: Pixels) -> Pixels:
    """The centre 224 x 224 of an image (height, width, 3) whose shorter side became 256."""
    height, width = image.shape[:2]
    shorter = min(height, width)
    if max(height, width) > MOST_ELONGATED * shorter:
        raise UnreadableError(f"it is more than {MOST_ELONGATED} times as long as it is wide")
    size = (round(width * SHORTER_SIDE / shorter), round(height * SHORTER_SIDE / shorter))
    resized = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    left, top = (size[0] - CROP) // 2, (size[1] - CROP) // 2
    return np.asarray(resized.crop((left, top, left + CROP, top + CROP)))


def transformers_name(name: str) -> str | None:
    """The name in transformers' `ResNetModel` of a tensor; None for the classifier's.

    Takes torchvision's names (`layer4.0.conv2.weight`) and the hub's own (`resnet.encoder...`).
    """
    if name.startswith(("fc.", "classifier.")):
        return None
    if name.startswith("resnet."):
        return name.removeprefix("resnet.")
    if found := re.fullmatch(r"(conv|bn)1\.(\w+)", name):
        return f"embedder.embedder.{_PART[found[1]]}.{found[2]}"
    if found := re.fullmatch(r"layer(\d)\.(\d+)\.(conv|bn)(\d)\.(\w+)", name):
        stage, layer, part, number, tensor = found.groups()
        inner = f"layer.{int(number) - 1}.{_PART[part]}"
        return f"encoder.stages.{int(stage) - 1}.layers.{layer}.{inner}.{tensor}"
    if found := re.fullmatch(r"layer(\d)\.(\d+)\.downsample\.([01])\.(\w+)", name):
        stage, layer, number, tensor = found.groups()
        inner = f"shortcut.{'convolution' if number == '0' else 'normalization'}"
        return f"encoder.stages.{int(stage) - 1}.layers.{layer}.{inner}.{tensor}"
    return name


_PART = {"conv": "convolution", "bn": "normalization"}


def load_backbone(*, backbone: str, path: Path) -> nn.Module:
    """Build the model from its configuration and fill it from a safetensors file.

    Raises:
        WeightsDamagedError: not a safetensors file, a tensor missing, of another shape or not
            finite; the sentence names the file and the tensor.
    """
    with torch.device("meta"):  # shapes only: no random numbers that would be overwritten
        model: nn.Module = ResNetModel(ResNetConfig(**CONFIGS[backbone]))
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError, OSError) as error:
        raise WeightsDamagedError(f"{path.name} is not a whole safetensors file.") from error
    _fill(model=model, tensors=tensors, file_name=path.name)
    return model.eval()


def _fill(*, model: nn.Module, tensors: Mapping[str, torch.Tensor], file_name: str) -> None:
    renamed = {
        new: (old, tensor)
        for old, tensor in tensors.items()
        if (new := transformers_name(old)) is not None
    }
    state = {}
    for name, expected in model.state_dict().items():
        if name.endswith("num_batches_tracked"):  # counts training steps: decides nothing
            state[name] = torch.zeros((), dtype=expected.dtype)
            continue
        if name not in renamed:
            raise WeightsDamagedError(f"{file_name} has no tensor for {name}.")
        old, tensor = renamed[name]
        if tensor.shape != expected.shape:
            raise WeightsDamagedError(
                f"{file_name}: the tensor {old} has the shape {tuple(tensor.shape)}, "
                f"not {tuple(expected.shape)}."
            )
        if not torch.isfinite(tensor).all():
            raise WeightsDamagedError(f"{file_name}: the tensor {old} is not finite.")
        state[name] = tensor.to(expected.dtype)
    if unknown := sorted(
        old
        for new, (old, _) in renamed.items()
        if new not in state and not new.endswith("num_batches_tracked")
    ):
        raise WeightsDamagedError(f"{file_name} has a tensor of another network: {unknown[0]}.")
    model.load_state_dict(state, assign=True)


class Trunk(nn.Module):
    """Pixels to layer 5A, and what comes after it when that is wanted.

    `before` ends where the first block of the fifth group begins; `to_5a` is that block up to layer
    5A. `rest_of_block` (of a bottleneck) and `after` lead to the last convolutional layer.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        stages = model.encoder.stages
        first, *others = stages[3].layers
        self.before = nn.Sequential(model.embedder, *stages[:3])
        self.after = nn.Sequential(*others)
        self.rest_of_block: nn.Module | None = None
        if model.config.layer_type == "bottleneck":
            self.to_5a = first.layer[:2]
            self.rest_of_block, self.shortcut = first.layer[2:], first.shortcut
            self.activation = first.activation
        else:
            self.to_5a = first

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.to_5a(self.before(pixels))
        return found

    def both(self, pixels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Layer 5A (n, 512, 7, 7) and the last layer (n, channels, 7, 7)."""
        block_input = self.before(pixels)
        layer_5a = self.to_5a(block_input)
        block = layer_5a
        if self.rest_of_block is not None:
            block = self.rest_of_block(layer_5a) + self.shortcut(block_input)
            block = self.activation(block)
        return layer_5a, self.after(block)


def fuse_normalisation(module: Any) -> None:
    """Put every batch normalisation into the convolution before it, in place.

    The same function of the pixels up to rounding, and a tenth faster.
    """
    for child in module.children():
        if hasattr(child, "convolution") and hasattr(child, "normalization"):
            child.convolution = fuse_conv_bn_eval(child.convolution, child.normalization)
            child.normalization = nn.Identity()
        else:
            fuse_normalisation(child)


class ResNetLayer5A(Network):
    name = "resnet"

    def __init__(self, *, weights: Weights, device: str, threads: int | None = None) -> None:
        network = Trunk(load_backbone(backbone=weights.backbone, path=weights.path))
        fuse_normalisation(network)
        super().__init__(
            network=network,
            mean=MEAN,
            deviation=DEVIATION,
            device=device,
            precision=weights.precision,
            threads=threads,
        )
        self.version = weights.version
        self.dimensions = dimensions_of(weights.backbone)
        self._regions = regions_of(height=SIDE, width=SIDE)

    def prepare(self, image: Pixels, *, spaces: Sequence[str] = ()) -> Pixels:
        """The same for all spaces: they come from one forward pass."""
        return crop_of(image)

    def activations(self, batch: Sequence[Pixels]) -> torch.Tensor:
        """Layer 5A of prepared images, shape (images, 512, 7, 7), on the extractor's device."""
        found: torch.Tensor = self.run(self.network, batch)
        return found

    def activations_and_last(self, batch: Sequence[Pixels]) -> tuple[torch.Tensor, torch.Tensor]:
        """Layer 5A, and the last convolutional layer (images, channels, 7, 7)."""
        found: tuple[torch.Tensor, torch.Tensor] = self.run(self.network.both, batch)
        return found

    def extract(
        self,
        batch: Sequence[Pixels],
        *,
        spaces: Sequence[str] = ("r_full", "r_sum", "r_max"),
    ) -> Found:
        """One forward pass, every asked-for aggregation: space -> (images, dimensions).

        `r_full` and `r_regions` in float16, as they are stored, the others in float32.
        """
        return self.computed(partial(self._extract, spaces=spaces), batch)

    def _extract(self, batch: Sequence[Pixels], *, spaces: Sequence[str]) -> Found:
        out: dict[str, torch.Tensor] = {}
        if "r_regions" in spaces:
            layer, last = self.activations_and_last(batch)
            maxima = [
                last[:, :, top : top + side, left : left + side].amax(dim=(2, 3))
                for top, left, side in self._regions
            ]
            out["r_regions"] = torch.cat(maxima, dim=1).to(torch.float16)
        else:
            layer = self.activations(batch)
        activations = layer.flatten(2)  # (images, 512, 49)
        if "r_full" in spaces:
            out["r_full"] = activations.flatten(1).to(torch.float16)
        if "r_sum" in spaces:
            out["r_sum"] = over_places(activations, "sum")
        if "r_max" in spaces:
            out["r_max"] = over_places(activations, "max")
        return {name: to_numpy(tensor) for name, tensor in out.items()}


def dimensions_of(backbone: str) -> dict[str, int]:
    return {
        "r_full": CHANNELS * PLACES,
        "r_sum": CHANNELS,
        "r_max": CHANNELS,
        "r_regions": REGIONS * LAST_CHANNELS[backbone],
    }
