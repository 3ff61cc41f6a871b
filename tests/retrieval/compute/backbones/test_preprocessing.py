"""Compared with transformers' own image processors."""

import numpy as np
import pytest
import transformers

from apps.retrieval.compute.backbones.preprocessing import UnknownPreprocessingError, from_config
from apps.retrieval.compute.pixels import UnreadableError
from tests.factories.backbones import PREPROCESSOR

IMAGENET = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
HALF = {"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}
# As the hub has them for microsoft/resnet-101, facebook/convnext at 384, facebook/dinov2-base,
# google/vit-base-patch16-224, openai/clip-vit-base-patch32 and google/siglip-base-patch16-224.
FILES = {
    "ConvNext, cropped": {
        "feature_extractor_type": "ConvNextFeatureExtractor", "do_resize": True, "size": 224,
        "crop_pct": 0.875, "resample": 3, "do_normalize": True, **IMAGENET,
    },
    "ConvNext, squashed": {
        "image_processor_type": "ConvNextImageProcessor", "do_resize": True, "resample": 3,
        "size": {"shortest_edge": 384}, "crop_pct": 0.875, "do_normalize": True, **IMAGENET,
    },
    "Bit": PREPROCESSOR,
    "ViT": {
        "image_processor_type": "ViTImageProcessor", "do_resize": True, "resample": 2,
        "size": {"height": 224, "width": 224}, "do_rescale": True, "do_normalize": True,
        "rescale_factor": 0.00392156862745098, **HALF,
    },
    "CLIP": {
        "feature_extractor_type": "CLIPFeatureExtractor", "do_resize": True, "size": 224,
        "resample": 3, "do_center_crop": True, "crop_size": 224, "do_normalize": True,
        "image_mean": [0.48145466, 0.4578275, 0.40821073],
        "image_std": [0.26862954, 0.26130258, 0.27577711],
    },
    "Siglip": {
        "image_processor_type": "SiglipImageProcessor", "do_resize": True, "resample": 3,
        "size": {"height": 224, "width": 224}, "do_rescale": True, "do_normalize": True, **HALF,
    },
}  # fmt: skip


@pytest.mark.parametrize("size", [(300, 401), (517, 250), (60, 41), (224, 224)])
@pytest.mark.parametrize("name", FILES)
def test_pixels_are_those_of_transformers(name, size):
    config = FILES[name]
    picture = np.random.default_rng(3).integers(0, 256, (*size, 3)).astype(np.uint8)
    kind = (config.get("image_processor_type") or config["feature_extractor_type"]).replace(
        "FeatureExtractor", "ImageProcessor"
    )
    theirs = getattr(transformers, f"{kind}Pil")(
        **{key: value for key, value in config.items() if not key.endswith("_type")}
    )
    expected = theirs(picture, return_tensors="np")["pixel_values"][0]
    ours = from_config(config)
    found = (ours(picture) * ours.scale - np.array(ours.mean)) / np.array(ours.std)
    assert found.shape[:2] == ours.seen
    np.testing.assert_allclose(found.transpose(2, 0, 1), expected, atol=2e-6)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        pytest.param({"do_pad": True}, "asks for do_pad", id="padding"),
        pytest.param({"max_num_patches": 256}, "asks for max_num_patches", id="NaFlex"),
        pytest.param({"do_normalize": False}, "do_normalize = false", id="not normalised"),
        pytest.param({"image_mean": None}, "does not say image_mean", id="no mean"),
        pytest.param({"size": {"longest_edge": 576}}, "the size by longest_edge", id="longest"),
        pytest.param({"size": 224}, None, id="one number, of a class that is known"),
        pytest.param(
            {"size": 224, "image_processor_type": "OtherImageProcessor"},
            "one number, whose meaning for OtherImageProcessor",
            id="one number, of a class that is not",
        ),
        pytest.param({"resample": 17}, "17 is not a valid Resampling", id="resampling"),
        pytest.param({"crop_size": {"height": 9}}, "width", id="half a crop"),
        pytest.param({"crop_size": 900}, "larger than the resized", id="crop outside"),
        pytest.param({"crop_pct": 0.9}, "asks for crop_pct", id="crop_pct of another class"),
        pytest.param({"image_std": [1, 1]}, "image_std is three numbers", id="two channels"),
        pytest.param({"do_center_crop": False}, "pictures differ", id="several sizes"),
    ],
)
def test_what_is_not_done_here_is_refused(change, words):
    if words is None:
        assert from_config(PREPROCESSOR | change).shorter == 224
        return
    with pytest.raises(UnknownPreprocessingError, match=words):
        from_config(PREPROCESSOR | change)


def test_a_line_is_no_picture():
    with pytest.raises(UnreadableError, match="1000 times"):
        from_config(PREPROCESSOR)(np.zeros((1, 1001, 3), np.uint8))
