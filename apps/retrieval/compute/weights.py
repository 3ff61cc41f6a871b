"""Where a backbone's weights are: a folder of safetensors, or the model hub's cache.

Knows neither torch nor transformers, so that the web process may ask. Never unpickles anything.
"""

import hashlib
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

HUB_NAMES = {"resnet50": "microsoft/resnet-50", "resnet18": "microsoft/resnet-18"}
HUB_FILE = "model.safetensors"
LAST_CHANNELS = {"resnet50": 2048, "resnet18": 512}  # of the last convolutional layer
# Layer, aggregations and preprocessing in the extractor's own words; change one, raise it.
RECIPE = "5a.1"
HUB_ANSWERS_WITHIN = 8.0  # seconds until the hub counts as out of reach
HUB_SENDS_WITHIN = 600.0  # seconds for the whole file (about 100 MB)


class WeightsNotFoundError(Exception):
    """Neither the folder nor the hub's cache has the file; the sentence says what to do."""


class WeightsDamagedError(Exception):
    """The file is there and is not what it should be; the sentence names it."""


@dataclass(frozen=True)
class Weights:
    """A safetensors file whose bytes were compared with the checksum that came with it, if any."""

    backbone: str
    path: Path
    sha256: str
    is_stated: bool  # a checksum stood beside the file, and it is this one
    precision: str = "float32"  # in which the network computes

    @property
    def version(self) -> str:
        """What decides a space's numbers: backbone, recipe, precision, the weights' own bytes."""
        recipe = RECIPE if self.precision == "float32" else f"{RECIPE}.{self.precision}"
        return f"{self.backbone}-{recipe}+{self.sha256[:12]}"


def find_weights(*, folder: str, backbone: str, precision: str = "float32") -> Weights:
    """Return the weights in `folder` (may be empty: none is set), else in the hub's cache.

    Nothing is asked of the network.

    Raises:
        WeightsNotFoundError: no such file here.
        WeightsDamagedError: the file's SHA-256 is not the one stated beside it.
    """
    if folder:
        path = Path(folder).expanduser() / f"{backbone}.safetensors"
        if path.is_file():
            return _checked(path=path, backbone=backbone, precision=precision)
    cached = snapshot_of(repository=HUB_NAMES[backbone])
    if cached is not None and (cached / HUB_FILE).is_file():
        return _checked(path=cached / HUB_FILE, backbone=backbone, precision=precision)
    raise WeightsNotFoundError(how_to_get(folder=folder, backbone=backbone))


def how_to_get(*, folder: str, backbone: str) -> str:
    """The sentence for weights that are not here."""
    name = f"{backbone}.safetensors"
    where = (
        f"the folder of LIKENESS_WEIGHTS ({folder}) has no {name}"
        if folder
        else "LIKENESS_WEIGHTS is not set"
    )
    return (
        f"Weights not found: {where} and the model hub's cache has no {HUB_NAMES[backbone]}. "
        f"Set LIKENESS_WEIGHTS to a folder with {name}, or run extract_features once where "
        "the model hub can be reached."
    )


def fetch_weights(*, backbone: str) -> bool:
    """Ask the model hub for the file and keep it in the hub's cache; whether it came."""
    return fetch_files(repository=HUB_NAMES[backbone], needed=(HUB_FILE,))


def fetch_files(
    *,
    repository: str,
    needed: Sequence[str],
    welcome: Sequence[str] = (),
    answers_within: float = HUB_ANSWERS_WITHIN,
    sends_within: float = HUB_SENDS_WITHIN,
) -> bool:
    """Ask the model hub for files and keep them in the hub's cache; whether all `needed` came.

    Runs in threads that are left behind when time is up: a name that does not resolve or a
    server that does not answer cannot hold up the caller.
    """
    if _within(answers_within, lambda: _ask_hub(repository, answers_within)) is None:
        return False
    for name in (*needed, *welcome):
        path = _within(sends_within, lambda name=name: _download(repository, name))
        if path is None and name in needed:
            return False
    return True


def _ask_hub(repository: str, seconds: float) -> Any:
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    return get_hf_file_metadata(hf_hub_url(repository, HUB_FILE), timeout=seconds / 2)


def _download(repository: str, name: str) -> Any:
    from huggingface_hub import hf_hub_download

    return hf_hub_download(repository, name)


def _within(seconds: float, call: Any) -> Any:
    """What `call` returns, or None when it raises or takes longer."""
    answer: list[Any] = []

    def run() -> None:
        try:
            answer.append(call())
        except Exception:  # offline, no such name, proxy, time-out: all mean "out of reach"
            answer.append(None)

    thread = threading.Thread(target=run, daemon=True, name="model-hub")
    thread.start()
    thread.join(seconds)
    return answer[0] if answer else None


def snapshot_of(*, repository: str) -> Path | None:
    """The folder of the hub's cache with the newest files of a repository that were fetched."""
    from huggingface_hub import constants

    folder = Path(constants.HF_HUB_CACHE) / f"models--{repository.replace('/', '--')}"
    try:
        revision = (folder / "refs" / "main").read_text().strip()
    except OSError:
        return None
    return folder / "snapshots" / revision


def _checked(*, path: Path, backbone: str, precision: str) -> Weights:
    sha256, is_stated = checked_sha256(path=path)
    return Weights(
        backbone=backbone, path=path, sha256=sha256, is_stated=is_stated, precision=precision
    )


def checked_sha256(*, path: Path) -> tuple[str, bool]:
    """A file's SHA-256, and whether one was stated beside it.

    Raises:
        WeightsDamagedError: it is not the one stated.
    """
    state = path.stat()
    sha256 = _sha256(path, state.st_mtime_ns, state.st_size)
    stated = stated_sha256(path=path)
    if stated is not None and stated != sha256:
        raise WeightsDamagedError(
            f"{path.name} differs from the SHA-256 stated beside it: get the file again."
        )
    return sha256, stated is not None


@lru_cache(maxsize=64)
def _sha256(path: Path, modified_ns: int, size: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stated_sha256(*, path: Path) -> str | None:
    """The SHA-256 that a text beside the file states for it, or None.

    Read are `NAME.sha256`, `SHA256SUMS` and `README.md`: the first line that has both the
    file's name and 64 hexadecimal digits (a `.sha256` file needs only the digits). The hub's
    cache names its files by their SHA-256.
    """
    kept_as = path.resolve().name
    if re.fullmatch(r"[0-9a-f]{64}", kept_as):
        return kept_as
    beside = path.with_name(path.name + ".sha256")
    for text, needs_name in (
        (beside, False),
        (path.with_name("SHA256SUMS"), True),
        (path.with_name("README.md"), True),
    ):
        if not text.is_file():
            continue
        for line in text.read_text(encoding="utf-8", errors="replace").splitlines():
            digits = re.search(r"\b[0-9a-fA-F]{64}\b", line)
            names = re.search(rf"(?<![\w.-]){re.escape(path.name)}(?![\w.-])", line)
            if digits and (names or not needs_name):
                return digits.group().lower()
    return None
