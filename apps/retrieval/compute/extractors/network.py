"""What every extractor with a network shares: device, precision, and a batch that halves."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from apps.retrieval.compute.pixels import DeviceMemoryError, Pixels

Found = dict[str, npt.NDArray[Any]]
BATCH_ON_GPU = 128
BATCH_ON_CPU, BATCH_OF_A_LANE = 32, 8  # at least so many pictures, and so many for each core
LEAST_OF_A_LANE = 2
# What libraries below torch say where it would raise OutOfMemoryError itself.
ALLOCATION_FAILED = ("STATUS_ALLOC_FAILED", "can't allocate memory", "not enough memory")


class Network:
    """A network on a device, and pictures as it takes them.

    Everything is float32 with TF32 off, so that processors and GPUs differ by rounding only; with
    `precision="bfloat16"` the network computes in bfloat16 and its results are widened.

    On a processor a batch runs in lanes, one for each thread that torch may use: every lane takes
    a share of the pictures through the network by itself. All threads on one picture would meet at
    the end of every layer, and wait there for the one whose core decodes other pictures just now.
    """

    def __init__(
        self,
        *,
        network: nn.Module,
        mean: Sequence[float],
        deviation: Sequence[float],
        scale: float = 1 / 255,
        device: str,
        precision: str = "float32",
        threads: int | None = None,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.device = device
        self._threads = torch.get_num_threads()
        self._lanes: ThreadPoolExecutor | None = None
        if device.startswith("cuda"):
            self.batch_size = BATCH_ON_GPU
        else:
            self.batch_size = max(BATCH_ON_CPU, BATCH_OF_A_LANE * self._threads)
            if self._threads > 1:
                self._lanes = ThreadPoolExecutor(self._threads, thread_name_prefix="lane")
        self.dtype = getattr(torch, precision)
        placed: Any = network.eval().to(device, self.dtype)
        self.network = placed.to(memory_format=torch.channels_last)
        # (x * scale - mean) / deviation as one product and one sum.
        self._factor = scale / np.asarray(deviation, dtype=np.float64)
        self._offset = -np.asarray(mean, dtype=np.float64) / np.asarray(deviation, dtype=np.float64)

    def pixels_of(self, batch: Sequence[Pixels]) -> torch.Tensor:
        """Prepared pictures as the network takes them, (images, 3, height, width)."""
        stacked = torch.from_numpy(np.stack(batch)).to(self.device)
        number, height, width, _ = stacked.shape
        # Whole rows of pixels at once: over three channels a processor's vectors stay empty.
        rows = stacked.reshape(number, height, 3 * width).to(torch.float32)
        rows.mul_(self._row(self._factor, width)).add_(self._row(self._offset, width))
        return rows.reshape(number, height, width, 3).permute(0, 3, 1, 2).to(self.dtype)

    def _row(self, channels: npt.NDArray[np.float64], width: int) -> torch.Tensor:
        return torch.tensor(np.tile(channels, width), dtype=torch.float32, device=self.device)

    def run(self, call: Callable[[torch.Tensor], Any], batch: Sequence[Pixels]) -> Any:
        """`call` with the pictures, without gradients and without TF32."""
        with torch.inference_mode():
            if not self.device.startswith("cuda"):
                return call(self.pixels_of(batch))
            with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
                return call(self.pixels_of(batch))

    def computed(
        self, extract: Callable[[Sequence[Pixels]], Found], batch: Sequence[Pixels]
    ) -> Found:
        """`extract` of a batch, in lanes on a processor, in halves where memory is short.

        Raises:
            DeviceMemoryError: one picture alone is too much for the device.
        """
        number = min(self._threads, len(batch) // LEAST_OF_A_LANE)
        if self._lanes is None or number < 2:
            return self.in_halves(extract, batch)

        def in_a_lane(part: Sequence[Pixels]) -> Found:
            torch.set_num_threads(1)  # of this lane
            return self.in_halves(extract, part)

        bounds = [len(batch) * lane // number for lane in range(number + 1)]
        parts = [batch[start:stop] for start, stop in pairwise(bounds)]
        try:
            return _joined(list(self._lanes.map(in_a_lane, parts)))
        finally:
            torch.set_num_threads(self._threads)  # also what new threads start with

    def in_halves(
        self, extract: Callable[[Sequence[Pixels]], Found], batch: Sequence[Pixels]
    ) -> Found:
        """`extract` of a batch; where the device's memory is short, of its halves.

        Batches stay that small from then on.

        Raises:
            DeviceMemoryError: one picture alone is too much.
        """
        try:
            return extract(batch)
        except RuntimeError as error:
            if not _is_short_of_memory(error):
                raise
            if len(batch) == 1:
                raise DeviceMemoryError(
                    f"The memory of the device ({self.device}) does not hold a single image: "
                    f"{_first_line(error)}"
                ) from error
        # Outside the handler: the error's frames hold the tensors that did not fit.
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        half = (len(batch) + 1) // 2
        self.batch_size = min(self.batch_size, half)
        return _joined([self.in_halves(extract, part) for part in (batch[:half], batch[half:])])


def _is_short_of_memory(error: RuntimeError) -> bool:
    return isinstance(error, torch.OutOfMemoryError) or any(
        words in str(error) for words in ALLOCATION_FAILED
    )


def _joined(parts: Sequence[Found]) -> Found:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def to_numpy(tensor: torch.Tensor) -> npt.NDArray[Any]:
    found: npt.NDArray[Any] = tensor.cpu().numpy()
    return found


def over_places(places: torch.Tensor, how: str) -> torch.Tensor:
    """`sum`, `max` or `mean` over the last axis, in float32."""
    places = places.to(torch.float32)
    if how == "max":
        return places.amax(dim=-1)
    return places.sum(dim=-1) if how == "sum" else places.mean(dim=-1)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def first_bad(names: Iterable[str], tensors: Iterable[torch.Tensor]) -> str | None:
    """The name of the first tensor with a number that is none."""
    for name, tensor in zip(names, tensors, strict=True):
        if tensor.is_floating_point() and not torch.isfinite(tensor).all():
            return name
    return None
