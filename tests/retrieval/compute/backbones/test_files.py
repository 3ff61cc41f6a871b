import json

import pytest

from apps.retrieval.compute import weights
from apps.retrieval.compute.backbones.files import fetch_backbone, find_backbone
from apps.retrieval.compute.backbones.preprocessing import from_config, stated
from tests.factories.backbones import PREPROCESSOR

STATED = stated({"resize": [8, 8], "mean": [0, 0, 0], "std": [1, 1, 1]})


@pytest.fixture
def place(tmp_path, no_hub):
    """Files that look like a model's, as far as anything here reads them."""
    folder = tmp_path / "weights" / "tiny--vit"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text('{"model_type": "vit"}')
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "preprocessor_config.json").write_text(json.dumps(PREPROCESSOR))
    return folder


def find(place, **changes):
    arguments = {"folder": str(place.parent), "model": "tiny/vit", "preprocessing": None}
    return find_backbone(**arguments | changes)


def test_a_model_is_found_in_the_folder_of_weights(place):
    found = find(place)
    assert found.folder == place
    assert found.preprocessing == from_config(PREPROCESSOR)


def test_the_version_names_configuration_preprocessing_weights_and_precision(place):
    first = find(place).version
    assert first.startswith("hf.1-")
    others = {find(place, preprocessing=STATED).version, find(place, precision="bfloat16").version}
    (place / "config.json").write_text('{"model_type": "vit", "hidden_act": "relu"}')
    others.add(find(place).version)
    (place / "model.safetensors").write_bytes(b"other weights")
    others.add(find(place).version)
    assert len(others | {first}) == 5
    assert {version for version in others if "bfloat16" in version} == {
        find_version for find_version in others if find_version.startswith("hf.1.bfloat16-")
    }


def test_the_cache_of_the_hub_is_next(place, no_hub):
    repository = no_hub / "models--tiny--vit"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text("abc\n")
    (repository / "snapshots").mkdir()
    place.rename(repository / "snapshots" / "abc")
    assert find(place, folder="").folder == repository / "snapshots" / "abc"
    assert find(place).folder == repository / "snapshots" / "abc"


@pytest.mark.parametrize("gone", ["config.json", "model.safetensors"])
def test_a_model_that_is_not_here_says_how_to_get_it(place, gone):
    (place / gone).unlink()
    with pytest.raises(weights.WeightsNotFoundError, match=r"has no tiny--vit/ with config.json"):
        find(place)
    with pytest.raises(weights.WeightsNotFoundError, match="LIKENESS_WEIGHTS is not set") as caught:
        find(place, folder="")
    assert "pickled weights are never read" in str(caught.value)


def test_a_model_without_preprocessing_wants_it_stated(place):
    (place / "preprocessor_config.json").unlink()
    with pytest.raises(weights.WeightsDamagedError, match="state resize, crop, mean and std"):
        find(place)
    assert find(place, preprocessing=STATED).preprocessing == STATED


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        pytest.param("config.json", "{", "tiny--vit/config.json is not JSON", id="cut off"),
        pytest.param("config.json", "[]", "is not a JSON object", id="a list"),
        pytest.param(
            "preprocessor_config.json",
            json.dumps(PREPROCESSOR | {"do_pad": True}),
            "preprocessor_config.json of tiny/vit: it asks for do_pad.*state resize",
            id="preprocessing not done here",
        ),
        pytest.param(
            "model.safetensors.sha256", "0" * 64, "differs from the SHA-256", id="checksum"
        ),
    ],
)
def test_a_file_that_is_not_what_it_should_be_is_refused(place, name, text, words):
    (place / name).write_text(text)
    with pytest.raises(weights.WeightsDamagedError, match=words):
        find(place)


def test_what_the_hub_has_is_fetched_and_what_it_lacks_is_not_needed(monkeypatch):
    asked = []

    def download(repository, name):
        asked.append(name)
        if name == "preprocessor_config.json":
            raise OSError("no such file")
        return name

    monkeypatch.setattr(weights, "_ask_hub", lambda *_: "here")
    monkeypatch.setattr(weights, "_download", download)
    assert fetch_backbone(model="tiny/vit")
    assert asked == ["config.json", "model.safetensors", "preprocessor_config.json"]
    monkeypatch.setattr(weights, "_ask_hub", lambda *_: None)
    assert not fetch_backbone(model="tiny/vit")
