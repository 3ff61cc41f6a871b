"""The same numbers from any device, thread count and batch; and batches that do not fit."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.retrieval.compute.backbones.files import find_backbone
from apps.retrieval.compute.backbones.lines import BackboneSpace
from apps.retrieval.compute.extractors.backbone import HubBackbone
from apps.retrieval.compute.extractors.network import Found
from apps.retrieval.compute.extractors.resnet import ResNetLayer5A
from apps.retrieval.compute.pixels import DeviceMemoryError
from apps.retrieval.compute.weights import Weights
from tests.factories.backbones import save_backbone
from tests.retrieval.compute.extractors.test_resnet import picture, saved, torchvision_weights

SPACES = ("r_full", "r_sum", "r_max", "r_regions")
HAS_GPU = Path("/dev/nvidia0").exists()
LINES = [
    BackboneSpace("pooled", "tiny/dinov2", "pooled", "", "", True, "float32", "", None),
    BackboneSpace(
        "summed", "tiny/dinov2", "", "encoder.layer.0", "sum", False, "float32", "", None
    ),
]


def cosines(found: Found, expected: Found) -> float:
    """The lowest cosine between the two vectors of an image, over images and spaces."""
    assert set(found) == set(expected)
    lowest = 1.0
    for name in expected:
        a, b = found[name].astype(np.float64), expected[name].astype(np.float64)
        lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
        lowest = min(lowest, ((a * b).sum(axis=1) / lengths).min())
    return lowest


def in_batches(extractor, batch, step: int, **spaces) -> Found:
    parts = [
        extractor.extract(batch[at : at + step], **spaces) for at in range(0, len(batch), step)
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


@pytest.fixture(autouse=True)
def _threads_as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def weights(tmp_path) -> Weights:
    return saved(torchvision_weights("resnet18"), tmp_path)


def test_a_processor_gives_the_same_in_other_batches_and_threads(weights):
    batch = [picture(number) for number in range(5)]
    extractor = ResNetLayer5A(weights=weights, device="cpu", threads=2)
    together = extractor.extract(batch, spaces=SPACES)
    extractor = ResNetLayer5A(weights=weights, device="cpu", threads=1)
    assert 1 - cosines(in_batches(extractor, batch, 2, spaces=SPACES), together) < 1e-6


def test_lanes_share_a_batch_of_any_backbone(tmp_path, no_hub):
    save_backbone(tmp_path, "dinov2")
    backbone = find_backbone(folder=str(tmp_path), model="tiny/dinov2", preprocessing=None)
    found, lanes = {}, set()
    for threads in (3, 1):
        extractor = HubBackbone(backbone=backbone, spaces=LINES, device="cpu", threads=threads)
        extractor.network.register_forward_pre_hook(
            lambda *_: lanes.add(threading.current_thread().name.split("_")[0])
        )
        batch = [extractor.prepare(picture(number)) for number in range(13)]
        found[threads] = extractor.extract(batch)
        assert torch.get_num_threads() == threads
    assert lanes == {"lane", "MainThread"}
    assert {name: rows.shape for name, rows in found[3].items()} == {
        name: (13, width) for name, width in extractor.dimensions.items()
    }
    for name, rows in found[1].items():
        np.testing.assert_allclose(found[3][name], rows, atol=1e-5)


def test_bfloat16_is_near(weights):
    batch = [picture(number) for number in range(2)]
    exact = ResNetLayer5A(weights=weights, device="cpu").extract(batch, spaces=SPACES)
    coarse = ResNetLayer5A(
        weights=Weights(**{**vars(weights), "precision": "bfloat16"}), device="cpu"
    )
    assert coarse.version.startswith("resnet18-5a.1.bfloat16+")
    found = coarse.extract(batch, spaces=SPACES)
    assert 1e-7 < 1 - cosines(found, exact) < 0.01
    assert {name: rows.dtype for name, rows in found.items()} == {
        name: rows.dtype for name, rows in exact.items()
    }


class Cramped(torch.nn.Module):
    """A network whose device holds so many pictures and no more."""

    def __init__(
        self, network: torch.nn.Module, *, holds: int, error: Exception | None = None
    ) -> None:
        super().__init__()
        self.network, self.holds, self.refused = network, holds, 0
        self.error = error or torch.OutOfMemoryError(
            "CUDA out of memory. Tried to allocate 2.00 GiB.\nMore."
        )

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        if len(pixels) > self.holds:
            self.refused += 1
            raise self.error
        return self.network(pixels)


def test_a_batch_that_does_not_fit_is_halved_until_it_does(weights):
    batch = [picture(number) for number in range(11)]
    extractor = ResNetLayer5A(weights=weights, device="cpu", threads=1)
    expected = extractor.extract(batch)
    extractor.network = Cramped(extractor.network, holds=3)
    found = extractor.extract(batch)
    assert 1 - cosines(found, expected) < 1e-6
    assert {name: rows.shape for name, rows in found.items()} == {
        name: rows.shape for name, rows in expected.items()
    }
    assert extractor.batch_size == 3  # 11 -> 6 -> 3: later batches do not try more
    assert extractor.network.refused == 3  # the whole and both halves


@pytest.mark.parametrize(
    ("sentence", "halves"),
    [
        pytest.param("cuDNN error: CUDNN_STATUS_ALLOC_FAILED", True, id="cuDNN"),
        pytest.param("DefaultCPUAllocator: can't allocate memory: 9 bytes", True, id="processor"),
        pytest.param("mat1 and mat2 shapes cannot be multiplied", False, id="another error"),
    ],
)
def test_an_allocation_that_failed_below_torch_counts_too(weights, sentence, halves):
    extractor = ResNetLayer5A(weights=weights, device="cpu", threads=1)
    batch = [picture(number) for number in range(3)]
    extractor.network = Cramped(extractor.network, holds=2, error=RuntimeError(sentence))
    if halves:
        assert extractor.extract(batch, spaces=["r_max"])["r_max"].shape == (3, 512)
    else:
        with pytest.raises(RuntimeError, match="cannot be multiplied"):
            extractor.extract(batch, spaces=["r_max"])


def test_one_picture_that_does_not_fit_is_refused_with_the_device(weights):
    extractor = ResNetLayer5A(weights=weights, device="cpu")
    extractor.network = Cramped(extractor.network, holds=0)
    with pytest.raises(
        DeviceMemoryError, match=r"device \(cpu\) .* single image: CUDA out"
    ) as error:
        extractor.extract([picture(), picture(1)])
    assert "More." not in str(error.value)


if HAS_GPU:  # elsewhere there is nothing to test, so nothing is skipped

    @pytest.mark.gpu
    @pytest.mark.parametrize("backbone", ["resnet50", "resnet18"])
    def test_a_gpu_gives_what_the_processor_gives(backbone, tmp_path):
        weights = saved(torchvision_weights(backbone), tmp_path, backbone)
        batch = [picture(number) for number in range(4)]
        on_cpu = ResNetLayer5A(weights=weights, device="cpu").extract(batch, spaces=SPACES)
        on_gpu = ResNetLayer5A(weights=weights, device="cuda").extract(batch, spaces=SPACES)
        assert 1 - cosines(on_gpu, on_cpu) < 1e-3

    @pytest.mark.gpu
    def test_a_gpu_gives_what_the_processor_gives_of_any_backbone(tmp_path, no_hub):
        save_backbone(tmp_path, "dinov2")
        found = {}
        for device in ("cpu", "cuda"):
            backbone = find_backbone(folder=str(tmp_path), model="tiny/dinov2", preprocessing=None)
            extractor = HubBackbone(backbone=backbone, spaces=LINES, device=device)
            found[device] = extractor.extract([extractor.prepare(picture(n)) for n in range(4)])
        assert 1 - cosines(found["cuda"], found["cpu"]) < 1e-3

    @pytest.mark.gpu
    def test_a_batch_that_a_gpu_really_does_not_hold_is_halved(tmp_path):
        weights = saved(torchvision_weights("resnet50"), tmp_path, "resnet50")
        extractor = ResNetLayer5A(weights=weights, device="cuda")
        batch = [picture(number) for number in range(128)]
        extractor.extract(batch[:8])  # what the first pass sets up stays
        total = torch.cuda.get_device_properties(0).total_memory
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction(
            (torch.cuda.memory_reserved() + 600 * 2**20) / total
        )
        try:
            found = extractor.extract(batch)
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        assert extractor.batch_size < 128
        expected = ResNetLayer5A(weights=weights, device="cuda").extract(batch)
        assert 1 - cosines(found, expected) < 1e-3
