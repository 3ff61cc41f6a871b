import hashlib
import threading
import time
from pathlib import Path

import pytest

from apps.retrieval.compute import weights

CONTENT = b"not really a network"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def folder(tmp_path, no_hub) -> Path:
    path = tmp_path / "weights"
    path.mkdir()
    (path / "resnet50.safetensors").write_bytes(CONTENT)
    return path


def test_the_folder_is_looked_into_first(folder):
    found = weights.find_weights(folder=str(folder), backbone="resnet50")
    assert (found.path.name, found.sha256, found.is_stated) == (
        "resnet50.safetensors",
        SHA256,
        False,
    )
    assert found.version == f"resnet50-5a.1+{SHA256[:12]}"


@pytest.mark.parametrize(
    ("file", "line"),
    [
        pytest.param("resnet50.safetensors.sha256", "{sha}", id="a .sha256 file"),
        pytest.param("SHA256SUMS", "{sha}  resnet50.safetensors", id="SHA256SUMS"),
        pytest.param("README.md", "| resnet50.safetensors | 20 | {sha} |", id="a table"),
    ],
)
def test_a_stated_checksum_is_compared(folder, file, line):
    (folder / file).write_text(f"resnet18.safetensors {'0' * 64}\n"[: 0 if "50" in file else None])
    with (folder / file).open("a") as text:
        text.write(line.format(sha=SHA256) + "\n")
    assert weights.find_weights(folder=str(folder), backbone="resnet50").is_stated
    (folder / "resnet50.safetensors").write_bytes(CONTENT + b"!")
    with pytest.raises(weights.WeightsDamagedError, match=r"resnet50\.safetensors differs"):
        weights.find_weights(folder=str(folder), backbone="resnet50")


def test_the_cache_of_the_hub_is_next_and_states_its_checksum_itself(tmp_path, no_hub):
    repository = no_hub / "models--microsoft--resnet-50"
    (repository / "blobs").mkdir(parents=True)
    (repository / "blobs" / SHA256).write_bytes(CONTENT)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc\n")
    (repository / "snapshots" / "abc").mkdir(parents=True)
    link = repository / "snapshots" / "abc" / "model.safetensors"
    link.symlink_to(repository / "blobs" / SHA256)
    found = weights.find_weights(folder="", backbone="resnet50")
    assert (found.path, found.is_stated) == (link, True)
    (repository / "blobs" / SHA256).write_bytes(b"cut")
    with pytest.raises(weights.WeightsDamagedError, match="differs"):
        weights.find_weights(folder="", backbone="resnet50")


@pytest.mark.parametrize(
    ("named", "words"),
    [
        pytest.param("", "LIKENESS_WEIGHTS is not set", id="no folder"),
        pytest.param("{folder}", "has no resnet18.safetensors", id="a folder without it"),
        pytest.param("/does/not/exist", "has no resnet18.safetensors", id="no such folder"),
    ],
)
def test_missing_weights_say_how_to_get_them(folder, named, words):
    with pytest.raises(weights.WeightsNotFoundError, match=words) as caught:
        weights.find_weights(folder=named.format(folder=folder), backbone="resnet18")
    assert "Set LIKENESS_WEIGHTS to a folder with resnet18.safetensors" in str(caught.value)


def test_a_hub_that_never_answers_does_not_hold_up(monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(weights, "_ask_hub", lambda *_: released.wait(60))
    started = time.monotonic()
    assert not weights.fetch_files(repository="a/b", needed=("c",), answers_within=0.1)
    assert time.monotonic() - started < 5
    released.set()


def test_a_hub_that_refuses_is_out_of_reach(monkeypatch):
    def refuse(*_):
        raise OSError("no route")

    monkeypatch.setattr(weights, "_ask_hub", refuse)
    assert not weights.fetch_weights(backbone="resnet50")


def test_what_the_hub_sends_is_checked_and_used(monkeypatch, no_hub):
    def download(repository, name):
        folder = no_hub / f"models--{repository.replace('/', '--')}"
        (folder / "refs").mkdir(parents=True)
        (folder / "refs" / "main").write_text("abc")
        (folder / "snapshots" / "abc").mkdir(parents=True)
        (folder / "snapshots" / "abc" / name).write_bytes(CONTENT)
        return "here"

    monkeypatch.setattr(weights, "_ask_hub", lambda *_: "here")
    monkeypatch.setattr(weights, "_download", download)
    assert weights.fetch_weights(backbone="resnet50")
    assert weights.find_weights(folder="", backbone="resnet50").sha256 == SHA256


def test_another_precision_is_another_version(folder):
    found = weights.find_weights(folder=str(folder), backbone="resnet50", precision="bfloat16")
    assert found.version == f"resnet50-5a.1.bfloat16+{SHA256[:12]}"
