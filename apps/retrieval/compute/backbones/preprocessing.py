"""From upright pixels to what a backbone sees, as its preprocessor_config.json says, by Pillow.

The same steps and rounding as transformers' own image processors: resize (shorter side with
`int(size * longer / shorter)`, or an exact height and width), cut out the centre, scale to 0..1,
subtract the mean and divide by the deviation. A file that asks for anything else is refused rather
than read as if it did not.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from PIL import Image

from apps.retrieval.compute.pixels import Pixels, UnreadableError

MOST_ELONGATED = 1000
RESAMPLINGS = {
    "nearest": Image.Resampling.NEAREST,
    "lanczos": Image.Resampling.LANCZOS,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
# Entries that change no pixel (or whose only honoured value is checked below).
HARMLESS = {
    *("image_processor_type", "feature_extractor_type", "processor_class", "auto_map"),
    *("_valid_processor_keys", "default_to_square", "do_convert_rgb", "data_format"),
    *("return_tensors", "input_data_format", "device", "disable_grouping", "do_reduce_labels"),
    *("image_seq_length", "transformers_version", "model_input_names"),
}
UNDERSTOOD = {
    *("do_resize", "size", "resample", "crop_pct", "do_center_crop", "crop_size"),
    *("do_rescale", "rescale_factor", "do_normalize", "image_mean", "image_std"),
}
# What a `size` of one number means: older files leave it to the class they name.
ONE_NUMBER_IS_SHORTER_SIDE = ("CLIP", "ConvNext", "Bit", "ChineseCLIP")
ONE_NUMBER_IS_SQUARE = ("ViT", "DeiT", "Beit", "Siglip")
CONVNEXT_CROPS_BELOW = 384  # ConvNextImageProcessor: from here on it resizes to a square


class UnknownPreprocessingError(ValueError):
    """The file asks for something that is not done here; the sentence says what."""


@dataclass(frozen=True)
class Preprocessing:
    """What is done to every image.

    Attributes:
        shorter: length of the shorter side after resizing, or 0.
        size: exact (height, width) after resizing, or (0, 0).
        crop: (height, width) of the centre that is kept, or (0, 0) for all of it.
        resample: one of RESAMPLINGS.
        scale: factor of the 8-bit values before mean and deviation.
        mean: of the three channels.
        std: of the three channels.
    """

    shorter: int
    size: tuple[int, int]
    crop: tuple[int, int]
    resample: str
    scale: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]

    def __post_init__(self) -> None:
        if bool(self.shorter) == any(self.size):
            raise ValueError("resize is the length of the shorter side, or [height, width].")
        least = self.size if any(self.size) else (self.shorter, self.shorter)
        if not any(self.crop) and not any(self.size):
            raise ValueError("without a crop, resize must be [height, width]: pictures differ.")
        if self.crop[0] > least[0] or self.crop[1] > least[1]:
            raise ValueError(f"the crop {list(self.crop)} is larger than the resized picture.")

    def as_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    def __call__(self, image: Pixels) -> Pixels:
        """The part of an image (height, width, 3) that the backbone sees, still 8-bit.

        Raises:
            UnreadableError: it is a line rather than a picture.
        """
        height, width = image.shape[:2]
        shorter = min(height, width)
        if max(height, width) > MOST_ELONGATED * shorter:
            raise UnreadableError(f"it is more than {MOST_ELONGATED} times as long as it is wide")
        if self.shorter:
            longer = int(self.shorter * max(height, width) / shorter)
            new = (longer, self.shorter) if width <= height else (self.shorter, longer)
        else:
            new = self.size
        resized = Image.fromarray(image).resize((new[1], new[0]), RESAMPLINGS[self.resample])
        if not any(self.crop):
            return np.asarray(resized)
        top, left = (new[0] - self.crop[0]) // 2, (new[1] - self.crop[1]) // 2
        return np.asarray(resized.crop((left, top, left + self.crop[1], top + self.crop[0])))

    @property
    def seen(self) -> tuple[int, int]:
        """Height and width of what the backbone sees."""
        return self.crop if any(self.crop) else self.size


def stated(given: Mapping[str, Any]) -> Preprocessing:
    """Preprocessing as a line of TOML states it: all of it or nothing.

    Raises:
        ValueError: something is missing or is no number.
    """
    for key in ("resize", "mean", "std"):
        if key not in given:
            raise ValueError(f"preprocessing is stated in part: {key} is missing.")
    resample = given.get("resample", "bilinear")
    if resample not in RESAMPLINGS:
        raise ValueError(f"resample is one of {', '.join(RESAMPLINGS)}, not {resample!r}.")
    resize, crop = given["resize"], given.get("crop")
    one_number = isinstance(resize, int)
    return Preprocessing(
        shorter=_sides(resize, "resize")[0] if one_number else 0,
        size=(0, 0) if one_number else _sides(resize, "resize"),
        crop=(0, 0) if crop is None else _sides(crop, "crop"),
        resample=resample,
        scale=1 / 255,
        mean=_channels(given["mean"], "mean"),
        std=_channels(given["std"], "std", above_zero=True),
    )


def from_config(config: Mapping[str, Any]) -> Preprocessing:
    """Preprocessing as a preprocessor_config.json says.

    Raises:
        UnknownPreprocessingError: it asks for something else, or leaves something open.
    """
    try:
        return _from_config(config)
    except UnknownPreprocessingError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise UnknownPreprocessingError(str(error).strip("'\"")) from error


def _from_config(config: Mapping[str, Any]) -> Preprocessing:
    for key, value in config.items():
        if key not in HARMLESS | UNDERSTOOD and value not in (None, False):
            raise UnknownPreprocessingError(f"it asks for {key}, which is not done here")
    for key in ("do_resize", "do_rescale", "do_normalize"):
        if not config.get(key, True):
            raise UnknownPreprocessingError(f"it says {key} = false, which is not done here")
    for key in ("size", "image_mean", "image_std", "resample"):
        if config.get(key) is None:
            raise UnknownPreprocessingError(f"it does not say {key}")
    kind = str(config.get("image_processor_type") or config.get("feature_extractor_type") or "")
    shorter, size = _resize_of(config["size"], kind)
    crop = (0, 0)
    if kind.startswith("ConvNext") and shorter:
        if shorter < CONVNEXT_CROPS_BELOW:
            crop = (shorter, shorter)
            shorter = int(shorter / config.get("crop_pct", 224 / 256))
        else:
            shorter, size = 0, (shorter, shorter)
    elif config.get("crop_pct") is not None:
        raise UnknownPreprocessingError("it asks for crop_pct, which is not done here")
    if config.get("do_center_crop"):
        wanted = config.get("crop_size") or config["size"]
        if isinstance(wanted, Mapping):
            wanted = [wanted["height"], wanted["width"]]
        crop = _sides(wanted, "crop_size")
    return Preprocessing(
        shorter=shorter,
        size=size,
        crop=crop,
        resample=Image.Resampling(config["resample"]).name.lower(),
        scale=float(config.get("rescale_factor", 1 / 255)),
        mean=_channels(config["image_mean"], "image_mean"),
        std=_channels(config["image_std"], "image_std", above_zero=True),
    )


def _resize_of(size: Any, kind: str) -> tuple[int, tuple[int, int]]:
    """(shorter side, (0, 0)) or (0, exact size)."""
    if isinstance(size, Mapping):
        named = {key for key, value in size.items() if value is not None}
        if named == {"shortest_edge"}:
            return _sides(size["shortest_edge"], "size")[0], (0, 0)
        if named == {"height", "width"}:
            return 0, _sides([size["height"], size["width"]], "size")
        raise UnknownPreprocessingError(f"it states the size by {' and '.join(sorted(named))}")
    if isinstance(size, list):
        return 0, _sides(size, "size")
    if kind.startswith(ONE_NUMBER_IS_SHORTER_SIDE):
        return _sides(size, "size")[0], (0, 0)
    if kind.startswith(ONE_NUMBER_IS_SQUARE):
        return 0, _sides(size, "size")
    raise UnknownPreprocessingError(
        f"it states the size by one number, whose meaning for {kind or 'its class'} is not known"
    )


def _sides(value: Any, key: str) -> tuple[int, int]:
    pair = [value, value] if isinstance(value, int) else value
    if (
        not isinstance(pair, list)
        or len(pair) != 2
        or not all(isinstance(side, int) and 0 < side <= 4096 for side in pair)
    ):
        raise ValueError(f"{key} is a number of pixels or [height, width], not {value!r}.")
    return (pair[0], pair[1])


def _channels(value: Any, key: str, *, above_zero: bool = False) -> tuple[float, float, float]:
    if (
        not isinstance(value, list)
        or len(value) != 3
        or not all(isinstance(one, int | float) and not isinstance(one, bool) for one in value)
        or not np.isfinite(value).all()
        or (above_zero and min(value) <= 0)
    ):
        raise ValueError(f"{key} is three numbers, one for each colour, not {value!r}.")
    return (float(value[0]), float(value[1]), float(value[2]))
