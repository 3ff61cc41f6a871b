"""Where a backbone's files are: a folder of LIKENESS_WEIGHTS, or the model hub's cache."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apps.retrieval.compute.backbones.preprocessing import (
    Preprocessing,
    UnknownPreprocessingError,
    from_config,
)
from apps.retrieval.compute.weights import (
    WeightsDamagedError,
    WeightsNotFoundError,
    checked_sha256,
    fetch_files,
    snapshot_of,
)

RECIPE = "hf.1"  # how a layer is read and aggregated, in the extractor's own words
CONFIG, PREPROCESSOR, WEIGHTS = "config.json", "preprocessor_config.json", "model.safetensors"


@dataclass(frozen=True)
class Backbone:
    """A model's files, whose weights were compared with the checksum stated beside them, if any."""

    model: str
    folder: Path
    preprocessing: Preprocessing
    config_sha256: str
    weights_sha256: str
    precision: str = "float32"

    @property
    def version(self) -> str:
        """What decides the numbers, but for layer and aggregation."""
        how = f"{self.config_sha256} {self.preprocessing.as_json()}"
        digest = hashlib.sha256(how.encode()).hexdigest()[:8]
        recipe = RECIPE if self.precision == "float32" else f"{RECIPE}.{self.precision}"
        return f"{recipe}-{digest}+{self.weights_sha256[:12]}"


def find_backbone(
    *, folder: str, model: str, preprocessing: Preprocessing | None, precision: str = "float32"
) -> Backbone:
    """Find a model in `<folder>/<org>--<name>/`, else in the hub's cache; asks no network.

    Args:
        folder: of LIKENESS_WEIGHTS; may be empty: none is set.
        model: as the hub names it.
        preprocessing: as a line states it; None: the model's own.
        precision: `float32` or `bfloat16`.

    Raises:
        WeightsNotFoundError: config.json or model.safetensors is not here.
        WeightsDamagedError: a file is not what it should be, or says what is not understood.
    """
    found = _folder_of(folder=folder, model=model)
    if found is None:
        raise WeightsNotFoundError(_how_to_get(folder=folder, model=model))
    _json(found / CONFIG)
    return Backbone(
        model=model,
        folder=found,
        preprocessing=preprocessing or _its_own(found, model),
        config_sha256=hashlib.sha256((found / CONFIG).read_bytes()).hexdigest(),
        weights_sha256=checked_sha256(path=found / WEIGHTS)[0],
        precision=precision,
    )


def fetch_backbone(*, model: str) -> bool:
    """Ask the model hub for a model's files and keep them in its cache; whether it has them now."""
    return fetch_files(repository=model, needed=(CONFIG, WEIGHTS), welcome=(PREPROCESSOR,))


def _folder_of(*, folder: str, model: str) -> Path | None:
    places = []
    if folder:
        places.append(Path(folder).expanduser() / model.replace("/", "--"))
    if (cached := snapshot_of(repository=model)) is not None:
        places.append(cached)
    for place in places:
        if (place / CONFIG).is_file() and (place / WEIGHTS).is_file():
            return place
    return None


def _how_to_get(*, folder: str, model: str) -> str:
    own = f"{model.replace('/', '--')}/"
    where = (
        f"the folder of LIKENESS_WEIGHTS ({folder}) has no {own} with {CONFIG} and {WEIGHTS}"
        if folder
        else "LIKENESS_WEIGHTS is not set"
    )
    return (
        f"Weights not found: {where} and the model hub's cache has no {model}. Put the model's "
        f"{CONFIG}, {PREPROCESSOR} and {WEIGHTS} (pickled weights are never read) into {own} "
        "there, or run extract_features once where the model hub can be reached."
    )


def _its_own(folder: Path, model: str) -> Preprocessing:
    path = folder / PREPROCESSOR
    state = "state resize, crop, mean and std in the line of the space"
    if not path.is_file():
        raise WeightsDamagedError(f"{model} came without {PREPROCESSOR}: {state}.")
    try:
        return from_config(_json(path))
    except UnknownPreprocessingError as error:
        sentence = str(error).rstrip(".")
        raise WeightsDamagedError(f"{PREPROCESSOR} of {model}: {sentence}; {state}.") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WeightsDamagedError(f"{path.parent.name}/{path.name} is not JSON.") from error
    if not isinstance(found, dict):
        raise WeightsDamagedError(f"{path.parent.name}/{path.name} is not a JSON object.")
    return found
