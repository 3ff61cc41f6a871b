"""Extractors, loaded once in a worker, and images as they want them."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from apps.catalog.imaging import UnreadableImageError
from apps.catalog.models import Image
from apps.catalog.selectors import NoOriginalError, open_original
from apps.common.storage import DamagedFileError
from apps.retrieval import registry, selectors
from apps.retrieval.compute import pixels, weights
from apps.retrieval.compute.backbones.files import Backbone, fetch_backbone
from apps.retrieval.services.extraction.errors import (
    DeviceTooSmallError,
    NoSuchDeviceError,
    WeightsMissingError,
)


def prepared_image(*, image: Image, extractor: Any, spaces: Sequence[str]) -> Any:
    """Decode an image and reduce it to what the extractor needs for these of its spaces.

    Raises:
        UnreadableError: its file is not here, damaged, or not for this extractor.
    """
    return extractor.prepare(opened_pixels(image), spaces=spaces)


def opened_pixels(image: Image) -> pixels.Pixels:
    """Decode an image: upright RGB.

    Raises:
        UnreadableError: its file is not here or damaged.
    """
    try:
        return np.asarray(open_original(image=image))
    except (NoOriginalError, DamagedFileError, UnreadableImageError) as error:
        raise pixels.UnreadableError(str(error)) from error


def extracted(
    extractor: Any, batch: Sequence[Any], *, spaces: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """The rows of prepared images in some of the extractor's spaces.

    Raises:
        DeviceTooSmallError: not even one image fits into the device's memory.
    """
    try:
        found: dict[str, npt.NDArray[Any]] = extractor.extract(batch, spaces=spaces)
    except pixels.DeviceMemoryError as error:
        raise DeviceTooSmallError(f"{error}: take --device cpu.") from error
    return found


def load_extractor(*, entry: registry.ExtractorEntry, device: str) -> Any:
    """The extractor, kept in this process so that the next shard does not load it again.

    Raises:
        WeightsMissingError: neither folder nor hub has the weights, or the file is damaged.
        NoSuchDeviceError: `cuda` was asked for and this machine has none.
    """
    if not entry.needs_weights:
        return _weightless(entry.name)
    try:
        try:
            found = selectors.weights_of(extractor=entry)
        except weights.WeightsNotFoundError:
            if not fetch_weights(extractor=entry):
                raise
            found = selectors.weights_of(extractor=entry)
        return _deep(entry, found, pick_device(device=device), settings.THREADS)
    except (weights.WeightsNotFoundError, weights.WeightsDamagedError) as error:
        raise WeightsMissingError(str(error), field="spaces") from error


def fetch_weights(*, extractor: registry.ExtractorEntry) -> bool:
    """Ask the model hub for an extractor's files (takes seconds); whether it has them now."""
    if extractor.lines:
        return fetch_backbone(model=extractor.lines[0].model)
    return weights.fetch_weights(backbone=settings.BACKBONE)


@lru_cache(maxsize=8)
def _weightless(name: str) -> Any:
    return registry.extractor_named(name=name).load()()


@lru_cache(maxsize=2)
def _deep(
    entry: registry.ExtractorEntry, found: weights.Weights | Backbone, device: str, threads: int
) -> Any:
    if isinstance(found, Backbone):
        return entry.load()(
            backbone=found, spaces=entry.lines, device=device, threads=threads or None
        )
    return entry.load()(weights=found, device=device, threads=threads or None)


def pick_device(*, device: str) -> str:
    """`cpu` or `cuda`; loads torch, so only workers and commands may call it."""
    if device == "cpu":
        return "cpu"
    import torch

    has_one = torch.cuda.is_available()
    if device == "cuda" and not has_one:
        raise NoSuchDeviceError(
            "This machine has no CUDA device that PyTorch can use: take --device cpu or auto.",
            field="device",
        )
    return "cuda" if has_one else "cpu"
