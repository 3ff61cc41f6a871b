"""The TOML file of backbone spaces: `name = { model = "org/name", output = "pooled" }`."""

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.retrieval.compute.backbones.preprocessing import Preprocessing, stated

OUTPUTS = ("pooled", "projected")
AGGREGATES = ("sum", "max", "mean")
STORED_AS = ("float32", "float16")
PREPROCESSING_KEYS = ("resize", "crop", "resample", "mean", "std")
KEYS = (
    *("model", "output", "layer", "aggregate", "normalise", "dtype", "title"),
    *PREPROCESSING_KEYS,
)


class BadLineError(ValueError):
    """The file or one of its lines cannot be used; the sentence names it."""


@dataclass(frozen=True)
class BackboneSpace:
    """One line.

    Attributes:
        name: of the space and its method.
        model: as the hub names it, e.g. `facebook/dinov2-base`.
        output: `pooled` (the model's own vector), `projected` (CLIP's shared space of images and
            texts), or empty when a layer is named.
        layer: dotted name of a module, e.g. `encoder.stages.3`.
        aggregate: `sum`, `max` or `mean` over the places of a map or over the patches of a
            sequence; empty when the layer gives one vector.
        normalise: scale every vector to length 1, so that distances order as cosines do.
        dtype: how shards keep the numbers.
        title: for people.
        preprocessing: as the line states it; None: as the model's preprocessor_config.json does.
    """

    name: str
    model: str
    output: str
    layer: str
    aggregate: str
    normalise: bool
    dtype: str
    title: str
    preprocessing: Preprocessing | None

    @property
    def variant(self) -> str:
        """What of the line decides the numbers beside model and preprocessing, in one word."""
        words = [self.output or self.layer, self.aggregate]
        words += ["unit"] if self.normalise else []
        words += [self.dtype] if self.dtype != STORED_AS[0] else []
        return ":".join(filter(None, words))


def read_lines(path: Path) -> tuple[BackboneSpace, ...]:
    """The spaces of a file, in its order.

    Raises:
        BadLineError: there is no such file, it is not TOML, or a line is not understood.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadLineError(f"{path} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise BadLineError(f"{path.name} is not UTF-8 text.") from error
    except tomllib.TOMLDecodeError as error:  # a name given twice is one of them
        raise BadLineError(f"{path.name} is not TOML: {error}.") from error
    spaces = []
    for name, line in raw.items():
        try:
            spaces.append(_space(name, line))
        except ValueError as error:
            raise BadLineError(f"{path.name}, {name}: {error}") from error
    return tuple(spaces)


def _space(name: str, line: Any) -> BackboneSpace:
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", name):
        raise ValueError(
            "a space's name has small letters, digits and _, starts with a letter and has at most "
            "40 characters."
        )
    if not isinstance(line, dict):
        raise ValueError('a line looks like { model = "org/name", output = "pooled" }.')
    for key in line:
        if key not in KEYS:
            near = difflib.get_close_matches(key, KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(KEYS)}."
            raise ValueError(f"unknown key {key!r}; {hint}")
    model = _text(line, "model")
    if not re.fullmatch(r"[\w.-]+(/[\w.-]+)?", model) or ".." in model:
        raise ValueError(f"model is a name of the hub such as facebook/dinov2-base, not {model!r}.")
    output, layer = _text(line, "output"), _text(line, "layer")
    if bool(output) == bool(layer):
        raise ValueError('it needs either output = "pooled" or a layer.')
    aggregate = _one_of(line, "aggregate", ("", *AGGREGATES))
    if output and aggregate:
        raise ValueError("aggregate goes with a layer, not with an output.")
    normalise = line.get("normalise", False)
    if not isinstance(normalise, bool):
        raise ValueError("normalise is true or false.")
    given = {key: line[key] for key in PREPROCESSING_KEYS if key in line}
    return BackboneSpace(
        name=name,
        model=model,
        output=_one_of(line, "output", ("", *OUTPUTS)),
        layer=layer,
        aggregate=aggregate,
        normalise=normalise,
        dtype=_one_of(line, "dtype", STORED_AS),
        title=_text(line, "title") or " ".join(filter(None, (model, layer, aggregate))),
        preprocessing=stated(given) if given else None,
    )


def _text(line: Mapping[str, Any], key: str) -> str:
    value = line.get(key, "")
    if not isinstance(value, str) or (key in line and not value.strip()):
        raise ValueError(f"{key} is a text, not {value!r}.")
    if key == "model" and not value:
        raise ValueError('it names no model: model = "org/name".')
    return value


def _one_of(line: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
    """The value of a key; the first choice when it is not there."""
    value = line.get(key, choices[0])
    if value not in choices or not isinstance(value, str):
        known = ", ".join(choice for choice in choices if choice)
        raise ValueError(f"{key} is one of {known}, not {value!r}.")
    return value
