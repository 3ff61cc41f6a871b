"""Extraction beside the bare network."""

import statistics
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from apps.retrieval.bench.base import Measurement, in_rounds, ratio


def extraction_against_the_bare_model(*, quick: bool) -> list[Measurement]:
    """Decoding, preparing and all aggregations against the network alone; one against three.

    The network alone is a plain call of it with prepared tensors, with the threads that torch takes
    by itself.
    """
    import torch
    from safetensors.torch import save_file
    from transformers import ResNetConfig, ResNetModel

    from apps.catalog.imaging import open_upright
    from apps.retrieval.compute.extractors.resnet import CONFIGS, ResNetLayer5A
    from apps.retrieval.compute.pipeline import prepared_ahead
    from apps.retrieval.compute.weights import Weights

    backbone = "resnet50"
    device = "cuda" if torch.cuda.is_available() else "cpu"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.safetensors"  # speed does not depend on the numbers
        save_file(ResNetModel(ResNetConfig(**CONFIGS[backbone])).state_dict(), path)
        found = Weights(backbone=backbone, path=path, sha256="0" * 64, is_stated=False)
        extractor = ResNetLayer5A(weights=found, device=device)
    size = extractor.batch_size
    count = size * (1 if quick else 2)
    files = [_photograph(seed) for seed in range(count)]

    def prepare(content: bytes) -> Any:
        upright, _ = open_upright(content, max_pixels=10**8)
        return extractor.prepare(np.asarray(upright))

    prepared = [prepare(content) for content in files]
    batches = [prepared[start : start + size] for start in range(0, count, size)]
    tensors = [
        torch.from_numpy(np.stack(batch)).permute(0, 3, 1, 2).to(device, torch.float32)
        for batch in batches
    ]

    def bare() -> None:
        with torch.inference_mode():
            for pixels in tensors:
                extractor.network(pixels)
        if device == "cuda":
            torch.cuda.synchronize()

    def whole() -> None:
        batch: list[Any] = []
        for one in prepared_ahead(files, prepare=prepare, workers=4, ahead=3 * size):
            batch.append(one)
            if len(batch) == size:
                extractor.extract(batch)
                batch = []

    def one_aggregation() -> None:
        for batch in batches:
            extractor.extract(batch, spaces=["r_max"])

    def three_aggregations() -> None:
        for batch in batches:
            extractor.extract(batch)

    times = in_rounds(
        {
            "bare": bare,
            "whole": whole,
            "one": one_aggregation,
            "three": three_aggregations,
        },
        rounds=2 if quick else 7,
    )
    speed = {name: count / statistics.median(taken) for name, taken in times.items()}
    return [
        Measurement(f"{backbone} to layer 5A alone, {device}", speed["bare"], "images/s"),
        Measurement(f"{backbone} extraction, {device}", speed["whole"], "images/s"),
        Measurement(
            "extraction / bare network", ratio(times["bare"], times["whole"]), "", ">= 0.95"
        ),
        Measurement("three aggregations / one", ratio(times["three"], times["one"]), "", "<= 1.03"),
    ]


def _photograph(seed: int) -> bytes:
    """A smooth JPEG of 320 x 240, as large as the thumbnails that collections come with."""
    small = np.random.default_rng(seed).integers(0, 256, size=(12, 16, 3)).astype(np.uint8)
    out = BytesIO()
    Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()
