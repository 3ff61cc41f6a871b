"""Tiny models of several families, compared with their own forward pass in transformers."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from apps.retrieval.compute.backbones.files import find_backbone
from apps.retrieval.compute.backbones.lines import BackboneSpace
from apps.retrieval.compute.extractors.backbone import HubBackbone
from apps.retrieval.compute.weights import WeightsDamagedError
from tests.factories.backbones import save_backbone

EVERY = ["resnet", "vit", "dinov2", "dinov2-registers", "clip", "clip-vision"]
EVERY += ["siglip", "siglip-vision", "swin"]
CLASSES = ("clip", "siglip")


def space(name: str = "x", **line) -> BackboneSpace:
    values = {"output": "", "layer": "", "aggregate": "", "normalise": False, "dtype": "float32"}
    values |= {"name": name, "model": "tiny/model", "title": name, "preprocessing": None}
    return BackboneSpace(**values | line)


@pytest.fixture
def load(tmp_path, no_hub):
    def load(family: str, *spaces: BackboneSpace, precision: str = "float32") -> HubBackbone:
        backbone = find_backbone(
            folder=str(tmp_path), model=f"tiny/{family}", preprocessing=None, precision=precision
        )
        return HubBackbone(backbone=backbone, spaces=spaces, device="cpu")

    return load


def pictures(number: int = 3) -> list[np.ndarray]:
    rng = np.random.default_rng(5)
    return [rng.integers(0, 256, (50, 70, 3)).astype(np.uint8) for _ in range(number)]


def pixels_of(extractor: HubBackbone) -> torch.Tensor:
    how = extractor._prepare
    prepared = np.stack([extractor.prepare(picture) for picture in pictures()])
    normal = (prepared * how.scale - np.array(how.mean)) / np.array(how.std)
    return torch.tensor(normal.transpose(0, 3, 1, 2), dtype=torch.float32)


def extract(extractor: HubBackbone, **spaces) -> dict[str, np.ndarray]:
    return extractor.extract([extractor.prepare(picture) for picture in pictures()], **spaces)


@pytest.mark.parametrize("family", EVERY)
def test_the_pooled_output_is_the_models_own(family, tmp_path, load):
    model = save_backbone(tmp_path, family)
    extractor = load(family, space(output="pooled"))
    tower = model.vision_model if family in CLASSES else model
    with torch.no_grad():
        expected = tower(pixel_values=pixels_of(extractor)).pooler_output.flatten(1)
    found = extract(extractor)["x"]
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert found.dtype == np.float32
    assert extractor.dimensions == {"x": expected.shape[1]}


# Family, layer, index of the same thing in the model's hidden states, tokens before the patches.
LAYERS = [
    pytest.param("resnet", "encoder.stages.1", 2, 0, id="resnet"),
    pytest.param("vit", "layers.0", 1, 1, id="vit: without its class token"),
    pytest.param("dinov2", "encoder.layer.0", 1, 1, id="dinov2"),
    pytest.param("dinov2-registers", "encoder.layer.0", 1, 5, id="dinov2 with registers"),
    pytest.param("clip", "encoder.layers.0", 1, 1, id="clip"),
    pytest.param("siglip", "encoder.layers.0", 1, 0, id="siglip: it has no class token"),
]


@pytest.mark.parametrize("aggregate", ["sum", "max", "mean"])
@pytest.mark.parametrize(("family", "layer", "index", "before"), LAYERS)
def test_a_layer_is_aggregated_over_its_places(
    family, layer, index, before, aggregate, tmp_path, load
):
    model = save_backbone(tmp_path, family)
    extractor = load(family, space(layer=layer, aggregate=aggregate))
    tower = model.vision_model if family in CLASSES else model
    with torch.no_grad():
        hidden = tower(pixel_values=pixels_of(extractor), output_hidden_states=True).hidden_states[
            index
        ]
    places = hidden.flatten(2) if hidden.ndim == 4 else hidden[:, before:].transpose(1, 2)
    assert places.shape[2] == 16
    expected = {"sum": places.sum(2), "max": places.amax(2), "mean": places.mean(2)}[aggregate]
    np.testing.assert_allclose(extract(extractor)["x"], expected, atol=2e-5)


def test_clip_is_projected_as_its_image_features_are(tmp_path, load):
    model = save_backbone(tmp_path, "clip")
    extractor = load(
        "clip",
        space("both", output="projected"),
        space("unit", output="projected", normalise=True),
        space("layer", layer="encoder.layers.1", aggregate="mean"),
    )
    pixels = pixels_of(extractor)
    with torch.no_grad():
        pooled = model.vision_model(pixel_values=pixels).pooler_output
        expected = model.visual_projection(pooled)
    found = extract(extractor)
    assert extractor.dimensions == {"both": 12, "unit": 12, "layer": 16}
    np.testing.assert_allclose(found["both"], expected, atol=1e-5)
    unit = expected / expected.norm(dim=1, keepdim=True)
    np.testing.assert_allclose(found["unit"], unit, atol=1e-5)


def test_one_forward_pass_serves_all_spaces_and_stops_after_the_last(tmp_path, load):
    save_backbone(tmp_path, "resnet")
    extractor = load(
        "resnet",
        space("sum", layer="encoder.stages.1", aggregate="sum"),
        space("max", layer="encoder.stages.1", aggregate="max"),
        space("last", output="pooled"),
    )
    passes = []
    for name in ("embedder", "encoder.stages.1", "encoder.stages.2"):
        extractor.network.get_submodule(name).register_forward_pre_hook(
            lambda *_, name=name: passes.append(name)
        )
    assert set(extract(extractor)) == {"sum", "max", "last"}
    assert passes == ["embedder", "encoder.stages.1", "encoder.stages.2"]
    passes.clear()
    assert list(extract(extractor, spaces=["max"])) == ["max"]
    assert passes == ["embedder", "encoder.stages.1"]


def test_a_layer_that_gives_one_vector_is_taken_as_it_is(tmp_path, load):
    save_backbone(tmp_path, "vit")
    extractor = load("vit", space("x", layer="pooler"), space("y", output="pooled"))
    found = extract(extractor)
    np.testing.assert_array_equal(found["x"], found["y"])


@pytest.mark.parametrize("family", ["resnet-classifier", "vit-classifier"])
def test_the_layers_of_a_classifier_are_of_use(family, tmp_path, load):
    model = save_backbone(tmp_path, family)
    layer = "encoder.stages.3" if family.startswith("resnet") else "layers.1"
    extractor = load(family, space(layer=layer, aggregate="sum"))
    body = model.resnet if family.startswith("resnet") else model.vit
    with torch.no_grad():
        hidden = body(pixel_values=pixels_of(extractor), output_hidden_states=True).hidden_states
    places = hidden[-1].flatten(2) if hidden[-1].ndim == 4 else hidden[-1][:, 1:].transpose(1, 2)
    np.testing.assert_allclose(extract(extractor)["x"], places.sum(2), atol=2e-5)


def test_a_classifier_that_never_learned_to_pool_is_refused(tmp_path, load):
    save_backbone(tmp_path, "vit-classifier")
    with pytest.raises(WeightsDamagedError, match=r"no tensor for pooler\..* take a layer"):
        load("vit-classifier", space(output="pooled"))


def test_bfloat16_is_near_and_named_in_the_version(tmp_path, load):
    save_backbone(tmp_path, "dinov2")
    exact = load("dinov2", space(output="pooled"))
    coarse = load("dinov2", space(output="pooled"), precision="bfloat16")
    assert "bfloat16" in coarse.version
    assert "bfloat16" not in exact.version
    found, expected = extract(coarse)["x"], extract(exact)["x"]
    assert found.dtype == np.float32
    cosines = (found * expected).sum(1)
    cosines /= np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.99
    assert not np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("family", "line", "words"),
    [
        pytest.param(
            "resnet",
            {"layer": "encoder.stage.3", "aggregate": "sum"},
            "has no layer 'encoder.stage.3'; the nearest is 'encoder.stages.3'",
            id="no such layer",
        ),
        pytest.param(
            "resnet", {"layer": "encoder.stages.3"}, "say aggregate = sum, max or mean", id="a map"
        ),
        pytest.param(
            "vit",
            {"layer": "pooler", "aggregate": "sum"},
            "pooler gives one vector: leave aggregate",
            id="one vector",
        ),
        pytest.param(
            "dinov2", {"output": "projected"}, "only CLIP has a projected output", id="no CLIP"
        ),
        pytest.param(
            "vit", {"layer": "layers", "aggregate": "sum"}, "not on the way", id="a list of layers"
        ),
    ],
)
def test_a_line_that_does_not_suit_the_model_is_refused(family, line, words, tmp_path, load):
    save_backbone(tmp_path, family)
    with pytest.raises(WeightsDamagedError, match=words):
        load(family, space(**line))


def change_weights(tmp_path, change) -> None:
    path = tmp_path / "tiny--resnet" / "model.safetensors"
    save_file(change(load_file(path)), path, metadata={"format": "pt"})


NAME = "encoder.stages.0.layers.0.layer.0.convolution.weight"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param(
            lambda tensors: {key: value for key, value in tensors.items() if key != NAME},
            rf"model.safetensors of tiny/resnet has no tensor for {NAME}",
            id="a tensor is missing",
        ),
        pytest.param(
            lambda tensors: tensors | {NAME: torch.zeros(1, 2)},
            rf"the tensor {NAME} has the shape \(1, 2\), not \(2, 8, 1, 1\)",
            id="another shape",
        ),
        pytest.param(
            lambda tensors: tensors | {NAME: torch.full_like(tensors[NAME], torch.nan)},
            rf"the tensor {NAME} is not finite",
            id="not finite",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, words, tmp_path, load):
    save_backbone(tmp_path, "resnet")
    change_weights(tmp_path, change)
    with pytest.raises(WeightsDamagedError, match=words):
        load("resnet", space(output="pooled"))


def test_a_file_that_was_cut_off_is_refused_by_name(tmp_path, load):
    save_backbone(tmp_path, "resnet")
    path = tmp_path / "tiny--resnet" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WeightsDamagedError, match=r"model.safetensors of tiny/resnet is not a"):
        load("resnet", space(output="pooled"))


@pytest.mark.parametrize(
    ("config", "words"),
    [
        pytest.param({"model_type": "nothing"}, "tiny/resnet cannot be loaded: ", id="unknown"),
        pytest.param(
            {"model_type": "mine", "auto_map": {"AutoConfig": "evil.Config"}},
            "tiny/resnet cannot be loaded: ",
            id="code of its own",
        ),
    ],
)
def test_models_of_unknown_kind_and_their_code_are_refused(config, words, tmp_path, load):
    save_backbone(tmp_path, "resnet")
    place = tmp_path / "tiny--resnet"
    (place / "config.json").write_text(json.dumps(config))
    (place / "evil.py").write_text("raise SystemExit('ran')")
    with pytest.raises(WeightsDamagedError, match=words):
        load("resnet", space(output="pooled"))


def test_pictures_of_a_size_that_the_model_does_not_take_are_refused(tmp_path, load):
    save_backbone(tmp_path, "vit")
    place = tmp_path / "tiny--vit" / "preprocessor_config.json"
    config = json.loads(place.read_text())
    place.write_text(json.dumps(config | {"crop_size": 40}))
    with pytest.raises(WeightsDamagedError, match=r"tiny/vit: .*40"):
        load("vit", space(output="pooled"))
