"""Tiny backbones with random weights in the Hugging Face format."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

SIDE = 32
PREPROCESSOR = {
    "image_processor_type": "BitImageProcessor",
    "do_resize": True,
    "size": {"shortest_edge": 40},
    "resample": 3,
    "do_center_crop": True,
    "crop_size": {"height": SIDE, "width": SIDE},
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "image_mean": [0.48, 0.46, 0.41],
    "image_std": [0.27, 0.26, 0.28],
    "do_convert_rgb": True,
}
_VIT = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "image_size": SIDE,
    "patch_size": 8,
}
_TEXT = {
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 50,
    "bos_token_id": 1,
    "eos_token_id": 2,
}


def model_of(family: str) -> Any:
    """A model of a family, with weights from a fixed seed and batch statistics that matter."""
    import torch
    import transformers as t

    resnet = {"embedding_size": 8, "hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 1, 2]}
    makers: dict[str, Callable[[], Any]] = {
        "resnet": lambda: t.ResNetModel(t.ResNetConfig(**resnet)),
        "resnet-classifier": lambda: t.ResNetForImageClassification(t.ResNetConfig(**resnet)),
        "vit": lambda: t.ViTModel(t.ViTConfig(**_VIT)),
        "vit-classifier": lambda: t.ViTForImageClassification(t.ViTConfig(**_VIT)),
        "dinov2": lambda: t.Dinov2Model(t.Dinov2Config(**_VIT)),
        "dinov2-registers": lambda: t.Dinov2WithRegistersModel(
            t.Dinov2WithRegistersConfig(**_VIT, num_register_tokens=4)
        ),
        "clip": lambda: t.CLIPModel(
            t.CLIPConfig(text_config=_TEXT, vision_config=_VIT, projection_dim=12)
        ),
        "clip-vision": lambda: t.CLIPVisionModel(t.CLIPVisionConfig(**_VIT)),
        "siglip": lambda: t.SiglipModel(t.SiglipConfig(text_config=_TEXT, vision_config=_VIT)),
        "siglip-vision": lambda: t.SiglipVisionModel(t.SiglipVisionConfig(**_VIT)),
        "swin": lambda: t.SwinModel(
            t.SwinConfig(
                image_size=SIDE, patch_size=4, embed_dim=8, depths=[1, 1], num_heads=[1, 2],
                window_size=4,
            )
        ),
    }  # fmt: skip
    t.logging.set_verbosity_error()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = makers[family]()
        for name, tensor in model.state_dict().items():
            if name.endswith(("running_mean", "class_embedding", "cls_token")):
                tensor.normal_(0, 0.3)
            elif name.endswith("running_var"):
                tensor.uniform_(0.5, 1.5)
    return model.eval()


def save_backbone(
    folder: Path, family: str, *, preprocessor: dict[str, Any] | None = PREPROCESSOR
) -> Any:
    """Save a tiny model as `folder/tiny--<family>` and return it."""
    model = model_of(family)
    place = folder / f"tiny--{family}"
    model.save_pretrained(place, safe_serialization=True)
    if preprocessor is not None:
        (place / "preprocessor_config.json").write_text(json.dumps(preprocessor))
    return model
