"""What every extractor with a network shares: device, precision, and a batch that halves."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from apps.retrieval.compute.pixels import DeviceMemoryError, Pixels

Found = dict[str, npt.NDArray[Any]]
BATCH_ON_CPU, BATCH_ON_GPU = 32, 128


class Network:
    """A network on a device, and pictures as it takes them.

    Everything is float32 with TF32 off, so that processors and GPUs differ by rounding only; with
    `precision="bfloat16"` the network computes in bfloat16 and its results are widened.
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
        self.batch_size = BATCH_ON_GPU if device.startswith("cuda") else BATCH_ON_CPU
        self.dtype = getattr(torch, precision)
        placed: Any = network.eval().to(device, self.dtype)
        self.network = placed.to(memory_format=torch.channels_last)
        # (x * scale - mean) / deviation as one product and one sum.
        shape = (1, 3, 1, 1)
        factor = scale / np.asarray(deviation, dtype=np.float64)
        offset = -np.asarray(mean, dtype=np.float64) / np.asarray(deviation, dtype=np.float64)
        self._factor = torch.tensor(factor, dtype=torch.float32, device=device).reshape(shape)
        self._offset = torch.tensor(offset, dtype=torch.float32, device=device).reshape(shape)

    def pixels_of(self, batch: Sequence[Pixels]) -> torch.Tensor:
        """Prepared pictures as the network takes them, (images, 3, height, width)."""
        stacked = torch.from_numpy(np.stack(batch)).to(self.device)
        pixels = stacked.permute(0, 3, 1, 2).to(torch.float32)
        return pixels.mul_(self._factor).add_(self._offset).to(self.dtype)

    def run(self, call: Callable[[torch.Tensor], Any], batch: Sequence[Pixels]) -> Any:
        """`call` with the pictures, without gradients and without TF32."""
        with (
            torch.inference_mode(),
            torch.backends.cudnn.flags(enabled=True, allow_tf32=False),
        ):
            return call(self.pixels_of(batch))

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
        except torch.OutOfMemoryError as error:
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
        first = self.in_halves(extract, batch[:half])
        second = self.in_halves(extract, batch[half:])
        return {name: np.concatenate([first[name], second[name]]) for name in first}


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
