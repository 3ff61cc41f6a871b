"""Measurements of this room for `manage.py bench`: ratios within one run, and some times."""

import logging
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from apps.retrieval.compute.search import euclidean

BENCH_THREADS = 2
QUERIES, DIMENSIONS, BEST = 200, 512, 500


@dataclass(frozen=True)
class Measurement:
    """One line of the table. `bound` is words such as `<= 1.1`; empty when nothing is promised."""

    name: str
    value: float
    unit: str
    bound: str = ""

    @property
    def holds(self) -> bool | None:
        if not self.bound:
            return None
        sign, limit = self.bound.split()
        return self.value <= float(limit) if sign == "<=" else self.value >= float(limit)


def quickest(calls: dict[str, Callable[[], Any]], *, rounds: int) -> dict[str, float]:
    """The shortest time of each call in seconds, after a round that warms up.

    Rounds are interleaved, so that a busy moment of the machine meets all calls.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            if number:
                times[name].append(time.perf_counter() - started)
    return {name: min(taken) for name, taken in times.items()}


def search_of_512_dimensions(*, quick: bool) -> list[Measurement]:
    """Exact top-500 of 200 queries against NumPy, torch and faiss on the same data."""
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)
    import faiss
    import torch
    from threadpoolctl import threadpool_limits

    rows = 100_000  # with fewer, the exact distances of the 500 weigh more than the search
    rng = np.random.default_rng(0)
    vectors = rng.random((rows, DIMENSIONS), dtype=np.float32)
    queries = vectors[:QUERIES].copy()
    shards = [vectors[start : start + 4096] for start in range(0, rows, 4096)]
    tensors, asked = torch.from_numpy(vectors), torch.from_numpy(queries)
    index = faiss.IndexFlatL2(DIMENSIONS)
    index.add(vectors)
    faiss.omp_set_num_threads(BENCH_THREADS)

    def ours() -> Any:
        return euclidean(
            queries=queries,
            shards=shards,
            first=0,
            eligible=np.ones(rows, dtype=np.bool_),
            own=np.arange(QUERIES),
            k=BEST,
            threads=BENCH_THREADS,
        )

    def with_numpy() -> Any:
        distances = np.square(vectors).sum(axis=1) - 2 * queries @ vectors.T
        best = np.argpartition(distances, BEST, axis=1)[:, : BEST + 1]
        found = np.take_along_axis(distances, best, axis=1)
        return np.take_along_axis(best, found.argsort(axis=1), axis=1)

    def with_torch() -> Any:
        distances = tensors.square().sum(dim=1) - 2 * asked @ tensors.T
        return torch.topk(distances, BEST + 1, largest=False)

    def with_faiss() -> Any:
        return index.search(queries, BEST + 1)

    before = torch.get_num_threads()
    torch.set_num_threads(BENCH_THREADS)
    try:
        with threadpool_limits(BENCH_THREADS):
            times = quickest(
                {"ours": ours, "numpy": with_numpy, "torch": with_torch, "faiss": with_faiss},
                rounds=3 if quick else 7,
            )
    finally:
        torch.set_num_threads(before)
    fastest = min(times[name] for name in ("numpy", "torch", "faiss"))
    what = f"top-{BEST}, {QUERIES} queries, {rows:,} x {DIMENSIONS}"
    return [
        Measurement(f"search, {what}: ours", times["ours"], "s"),
        *(
            Measurement(f"search, {what}: {name}", times[name], "s")
            for name in ("numpy", "torch", "faiss")
        ),
        Measurement(f"search, {what}: ours / fastest", times["ours"] / fastest, "", "<= 1.1"),
    ]


def extraction_against_the_bare_model(*, quick: bool) -> list[Measurement]:
    """Decoding, preparing and all aggregations against the network alone; one against three."""
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
    count = size * (1 if quick else 3)
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

    times = quickest(
        {
            "bare": bare,
            "whole": whole,
            "one": one_aggregation,
            "three": three_aggregations,
        },
        rounds=2 if quick else 3,
    )
    return [
        Measurement(f"{backbone} to layer 5A alone, {device}", count / times["bare"], "images/s"),
        Measurement(f"{backbone} extraction, {device}", count / times["whole"], "images/s"),
        Measurement("extraction / bare network", times["bare"] / times["whole"], "", ">= 0.95"),
        Measurement("three aggregations / one", times["three"] / times["one"], "", "<= 1.03"),
    ]


def small_descriptors(*, quick: bool) -> list[Measurement]:
    """Milliseconds per 512 x 384 image, decoded, one thread."""
    from apps.retrieval.compute.extractors.cld import ColourLayout
    from apps.retrieval.compute.extractors.ehd import EdgeHistogram

    image = np.random.default_rng(0).integers(0, 256, size=(384, 512, 3)).astype(np.uint8)
    calls: dict[str, Callable[[], Any]] = {}
    for extractor in (ColourLayout(), EdgeHistogram()):

        def extract(extractor: Any = extractor) -> None:
            extractor.extract([extractor.prepare(image)])

        calls[extractor.name] = extract
    times = quickest(calls, rounds=20 if quick else 100)
    return [
        Measurement(f"{name}, 512 x 384 in memory", 1000 * seconds, "ms")
        for name, seconds in times.items()
    ]


def _photograph(seed: int) -> bytes:
    """A smooth JPEG of 320 x 240, as large as the thumbnails that collections come with."""
    small = np.random.default_rng(seed).integers(0, 256, size=(12, 16, 3)).astype(np.uint8)
    out = BytesIO()
    Image.fromarray(small).resize((320, 240), Image.Resampling.BICUBIC).save(out, "JPEG")
    return out.getvalue()
