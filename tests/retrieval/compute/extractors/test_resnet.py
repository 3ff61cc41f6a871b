"""The key mapping and the layer, proved by a forward pass written from torchvision's names."""

from functools import cache

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch.nn import functional

from apps.retrieval.compute.extractors import resnet
from apps.retrieval.compute.pixels import UnreadableError
from apps.retrieval.compute.weights import (
    LAST_CHANNELS,
    Weights,
    WeightsDamagedError,
    find_weights,
)

Tensors = dict[str, torch.Tensor]
BLOCKS = {"resnet50": (3, 4, 6, 3), "resnet18": (2, 2, 2, 2)}


@cache
def torchvision_weights(backbone: str) -> Tensors:
    """Random tensors with the names and shapes of torchvision's state dict."""
    generator = torch.Generator().manual_seed(1)
    tensors: Tensors = {}

    def convolution(name: str, out: int, into: int, size: int) -> None:
        deviation = (2 / (into * size * size)) ** 0.5
        tensors[f"{name}.weight"] = deviation * torch.randn(
            (out, into, size, size), generator=generator
        )

    def normalisation(name: str, channels: int) -> None:
        tensors[f"{name}.weight"] = 0.5 + torch.rand(channels, generator=generator)
        tensors[f"{name}.bias"] = torch.randn(channels, generator=generator) / 4
        tensors[f"{name}.running_mean"] = torch.randn(channels, generator=generator) / 4
        tensors[f"{name}.running_var"] = 0.5 + torch.rand(channels, generator=generator)
        tensors[f"{name}.num_batches_tracked"] = torch.tensor(7)

    convolution("conv1", 64, 3, 7)
    normalisation("bn1", 64)
    expansion = 4 if backbone == "resnet50" else 1
    into = 64
    for stage, blocks in enumerate(BLOCKS[backbone], start=1):
        width = 64 * 2 ** (stage - 1)
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            if backbone == "resnet50":
                sizes = [(width, into, 1), (width, width, 3), (width * 4, width, 1)]
            else:
                sizes = [(width, into, 3), (width, width, 3)]
            for number, (out, before, size) in enumerate(sizes, start=1):
                convolution(f"{name}.conv{number}", out, before, size)
                normalisation(f"{name}.bn{number}", out)
            if block == 0 and (stage > 1 or expansion > 1):
                convolution(f"{name}.downsample.0", width * expansion, into, 1)
                normalisation(f"{name}.downsample.1", width * expansion)
            into = width * expansion
    tensors["fc.weight"] = torch.zeros(1000, into)
    tensors["fc.bias"] = torch.zeros(1000)
    return tensors


def forward_by_hand(
    tensors: Tensors, backbone: str, pixels: torch.Tensor, *, to_the_end: bool = False
) -> torch.Tensor:
    """ResNet v1.5 (stride on the 3 x 3 convolution) up to layer 5A, in plain functions.

    `to_the_end`: up to the last convolutional layer.
    """
    tensors = {name: tensor.float() for name, tensor in tensors.items()}

    def convolved(x: torch.Tensor, name: str, bn: str, *, stride: int = 1) -> torch.Tensor:
        weight = tensors[f"{name}.weight"]
        x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2)
        shape = (1, -1, 1, 1)
        mean, variance = tensors[f"{bn}.running_mean"], tensors[f"{bn}.running_var"]
        x = (x - mean.reshape(shape)) / (variance.reshape(shape) + 1e-5).sqrt()
        return x * tensors[f"{bn}.weight"].reshape(shape) + tensors[f"{bn}.bias"].reshape(shape)

    x = convolved(pixels.float(), "conv1", "bn1", stride=2).relu()
    x = functional.max_pool2d(x, 3, stride=2, padding=1)
    for stage, blocks in enumerate(BLOCKS[backbone], start=1):
        for block in range(blocks):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            if backbone == "resnet50":
                y = convolved(x, f"{name}.conv1", f"{name}.bn1").relu()
                y = convolved(y, f"{name}.conv2", f"{name}.bn2", stride=stride).relu()
                if (stage, block) == (4, 0) and not to_the_end:
                    return y
                y = convolved(y, f"{name}.conv3", f"{name}.bn3")
            else:
                y = convolved(x, f"{name}.conv1", f"{name}.bn1", stride=stride).relu()
                y = convolved(y, f"{name}.conv2", f"{name}.bn2")
            if f"{name}.downsample.0.weight" in tensors:
                x = convolved(x, f"{name}.downsample.0", f"{name}.downsample.1", stride=stride)
            x = (x + y).relu()
            if backbone == "resnet18" and (stage, block) == (4, 0) and not to_the_end:
                return x
    return x


def normalised(image: np.ndarray) -> torch.Tensor:
    """ImageNet mean and deviation, as the weights' README says; shape (1, 3, 224, 224)."""
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    return torch.from_numpy(((image / 255 - mean) / deviation).transpose(2, 0, 1)[None])


def saved(tensors: Tensors, tmp_path, backbone: str = "resnet18") -> Weights:
    path = tmp_path / f"{backbone}.safetensors"
    save_file(tensors, path)
    return find_weights(folder=str(tmp_path), backbone=backbone)


def picture(seed: int = 0, height: int = 224, width: int = 224) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize("backbone", [pytest.param("resnet50", marks=pytest.mark.slow), "resnet18"])
def test_layer_5a_equals_a_forward_pass_written_from_torchvisions_names(backbone, tmp_path):
    tensors = torchvision_weights(backbone)
    extractor = resnet.ResNetLayer5A(weights=saved(tensors, tmp_path, backbone), device="cpu")
    found = extractor.activations([picture()]).double()
    expected = forward_by_hand(tensors, backbone, normalised(picture()))
    assert found.shape == (1, 512, 7, 7)
    assert found.min() == 0  # read after the activation
    scale = expected.abs().max()
    assert (found - expected).abs().max() / scale < 1e-4


@pytest.mark.slow
def test_layer_5a_of_the_real_network_equals_the_forward_pass_by_hand(shared):
    weights = find_weights(folder=str(shared / "weights"), backbone="resnet50")
    assert weights.is_stated
    extractor = resnet.ResNetLayer5A(weights=weights, device="cpu")
    file = sorted((shared / "data" / "images" / "scenes15").rglob("*.jpg"))[0]
    crop = resnet.crop_of(np.asarray(Image.open(file).convert("RGB")))
    found = extractor.activations([crop]).double()
    expected = forward_by_hand(load_file(weights.path), "resnet50", normalised(crop))
    assert (found - expected).abs().max() / expected.abs().max() < 1e-4


def test_three_aggregations_come_from_one_forward_pass(tmp_path):
    extractor = resnet.ResNetLayer5A(
        weights=saved(torchvision_weights("resnet18"), tmp_path), device="cpu"
    )
    passes = []
    extractor.network.register_forward_hook(lambda *_: passes.append(1))
    batch = [picture(1), picture(2)]
    found = extractor.extract(batch)
    assert passes == [1]
    layer = extractor.activations(batch).numpy()
    assert {name: (rows.shape, rows.dtype) for name, rows in found.items()} == {
        "r_full": ((2, 25_088), np.float16),
        "r_sum": ((2, 512), np.float32),
        "r_max": ((2, 512), np.float32),
    }
    np.testing.assert_array_equal(found["r_full"], layer.reshape(2, -1).astype(np.float16))
    np.testing.assert_allclose(found["r_sum"], layer.sum(axis=(2, 3)), rtol=1e-5)
    np.testing.assert_array_equal(found["r_max"], layer.max(axis=(2, 3)))
    assert list(extractor.extract(batch, spaces=["r_max"])) == ["r_max"]


@pytest.mark.parametrize("backbone", [pytest.param("resnet50", marks=pytest.mark.slow), "resnet18"])
def test_the_regions_are_maxima_of_the_last_layer_of_the_same_pass(backbone, tmp_path):
    tensors = torchvision_weights(backbone)
    extractor = resnet.ResNetLayer5A(weights=saved(tensors, tmp_path, backbone), device="cpu")
    channels = LAST_CHANNELS[backbone]
    batch = [picture(1), picture(2)]
    layer, last = extractor.activations_and_last(batch)
    expected = forward_by_hand(tensors, backbone, normalised(batch[0]), to_the_end=True)
    assert last.shape == (2, channels, 7, 7)
    assert (last[:1] - expected).abs().max() / expected.abs().max() < 1e-4
    torch.testing.assert_close(layer, extractor.activations(batch))
    found = extractor.extract(batch, spaces=["r_regions", "r_max"])
    assert found["r_regions"].shape == (2, extractor.dimensions["r_regions"]) == (2, 5 * channels)
    assert found["r_regions"].dtype == np.float16
    whole, first, *_, corner = np.split(found["r_regions"], 5, axis=1)
    for region, part in ((whole, last), (first, last[:, :, :4, :4]), (corner, last[:, :, 3:, 3:])):
        np.testing.assert_array_equal(region, part.amax(dim=(2, 3)).to(torch.float16))
    np.testing.assert_array_equal(found["r_max"], layer.amax(dim=(2, 3)))


@pytest.mark.parametrize(
    ("size", "resized", "offset"),
    [
        pytest.param((300, 500), (427, 256), (101, 16), id="wide: sides 426.67 and 256"),
        pytest.param((640, 256), (256, 640), (16, 208), id="high, and of the right width"),
        pytest.param((10, 10), (256, 256), (16, 16), id="tiny: enlarged"),
    ],
)
def test_preprocessing_is_shorter_side_256_then_the_centre(size, resized, offset):
    image = picture(3, *size)
    whole = Image.fromarray(image).resize(resized, Image.Resampling.BILINEAR)
    left, top = offset
    expected = np.asarray(whole)[top : top + 224, left : left + 224]
    np.testing.assert_array_equal(resnet.crop_of(image), expected)


def test_a_line_is_no_picture():
    with pytest.raises(UnreadableError, match="1000 times"):
        resnet.crop_of(np.zeros((1, 1001, 3), np.uint8))


def without(tensors: Tensors, name: str) -> Tensors:
    return {key: tensor for key, tensor in tensors.items() if key != name}


NAME = "layer3.1.conv2.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda tensors: without(tensors, NAME),
            r"resnet18\.safetensors has no tensor for encoder\.stages\.2\.layers\.1",
            id="a tensor is missing",
        ),
        pytest.param(
            lambda tensors: tensors | {NAME: torch.zeros(1, 2)},
            rf"{NAME} has the shape \(1, 2\), not \(256, 256, 3, 3\)",
            id="another shape",
        ),
        pytest.param(
            lambda tensors: tensors | {"bn1.bias": torch.full((64,), torch.nan)},
            "bn1.bias is not finite",
            id="not finite",
        ),
        pytest.param(
            lambda tensors: tensors | {"layer9.0.conv1.weight": torch.zeros(1)},
            "another network: layer9",
            id="another network",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, words, tmp_path):
    weights = saved(change(torchvision_weights("resnet18")), tmp_path)
    with pytest.raises(WeightsDamagedError, match=words):
        resnet.ResNetLayer5A(weights=weights, device="cpu")


def test_a_file_that_was_cut_off_is_refused_by_name(tmp_path):
    weights = saved(torchvision_weights("resnet18"), tmp_path)
    weights.path.write_bytes(weights.path.read_bytes()[:1000])
    with pytest.raises(WeightsDamagedError, match=r"resnet18\.safetensors is not a whole"):
        resnet.ResNetLayer5A(weights=weights, device="cpu")


def test_the_names_of_the_hub_load_as_well(tmp_path):
    tensors = {
        name: tensor
        for name, tensor in torchvision_weights("resnet18").items()
        if not name.startswith("fc.")
    }
    renamed = {f"resnet.{resnet.transformers_name(name)}": t for name, t in tensors.items()}
    hub = saved(renamed | {"classifier.1.weight": torch.zeros(2, 2)}, tmp_path)
    from_hub = resnet.ResNetLayer5A(weights=hub, device="cpu").activations([picture()])
    other = tmp_path / "other"
    other.mkdir()
    ours = resnet.ResNetLayer5A(weights=saved(tensors, other), device="cpu")
    assert torch.equal(from_hub, ours.activations([picture()]))
