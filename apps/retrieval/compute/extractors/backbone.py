"""Any vision backbone in the Hugging Face format: its own vector, or a layer's aggregates.

One forward pass serves all spaces of a model, and stops when the last of them is known. What a
layer gives is read by its shape:

* a map (images, channels, height, width): aggregated over its places;
* a sequence (images, tokens, channels): aggregated over the patches; the class and register
  tokens before them are left out where the model's configuration tells how many patches there are;
* one vector (images, channels): taken as it is.

Code that comes with a model is never run, and pickled weights are never read.
"""

import difflib
import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn
from transformers import (
    AutoConfig,
    AutoModel,
    CLIPVisionModel,
    CLIPVisionModelWithProjection,
    SiglipVisionModel,
    logging,
)

from apps.retrieval.compute.backbones.files import Backbone
from apps.retrieval.compute.backbones.lines import BackboneSpace
from apps.retrieval.compute.extractors.network import (
    Found,
    Network,
    first_bad,
    over_places,
    to_numpy,
)
from apps.retrieval.compute.pixels import Pixels
from apps.retrieval.compute.weights import WeightsDamagedError

MOST_EXTRA_TOKENS = 16  # class, distillation and register tokens; more is no such thing
# Whole models of images and texts, of which only the tower for images is built and read.
TOWERS = {"clip": CLIPVisionModel, "siglip": SiglipVisionModel}


class _AllSeenError(Exception):
    """Ends a forward pass after the last layer that anybody wants."""


@dataclass
class _Watched:
    """The layers that a forward pass is to show, what they gave, and whether it stops then."""

    layers: set[str]
    stops: bool
    seen: dict[str, torch.Tensor] = field(default_factory=dict)


class HubBackbone(Network):
    name = "backbone"

    def __init__(
        self,
        *,
        backbone: Backbone,
        spaces: Sequence[BackboneSpace],
        device: str,
        threads: int | None = None,
    ) -> None:
        """Load the model and try it on a blank picture.

        Raises:
            WeightsDamagedError: the model cannot be built, its weights do not fit, a layer is not
                there, or a space's line does not suit what the layer gives.
        """
        how = backbone.preprocessing
        network = load_network(backbone=backbone, outputs={space.output for space in spaces})
        self._now = threading.local()  # what the forward pass of this lane is watched for
        layers = {space.layer: layer_of(network, space) for space in spaces if space.layer}
        for name, layer in layers.items():
            layer.register_forward_hook(partial(_after, self._keep, name))
        super().__init__(
            network=network,
            mean=how.mean,
            deviation=how.std,
            scale=how.scale,
            device=device,
            precision=backbone.precision,
            threads=threads,
        )
        self.version = backbone.version
        self._prepare = how
        self._spaces = {space.name: space for space in spaces}
        self._patches = _patches_of(self.network.config, how.seen)
        self.dimensions = self._tried(backbone)

    def prepare(self, image: Pixels, *, spaces: Sequence[str] | None = None) -> Pixels:
        return self._prepare(image)

    def extract(self, batch: Sequence[Pixels], *, spaces: Sequence[str] | None = None) -> Found:
        """One forward pass, every asked-for space: space -> (images, dimensions) float32."""
        names = list(self._spaces) if spaces is None else list(spaces)
        return self.computed(partial(self._extract, names=names), batch)

    def _extract(self, batch: Sequence[Pixels], *, names: Sequence[str]) -> Found:
        wanted = [self._spaces[name] for name in names]
        seen = self.run(partial(self._seen, spaces=wanted), batch)
        found = {}
        for space in wanted:
            vectors = self._aggregated(space, seen[space.layer or space.output])
            if space.normalise:
                vectors = nn.functional.normalize(vectors, dim=1)
            found[space.name] = to_numpy(vectors)
        return found

    def _seen(
        self, pixels: torch.Tensor, *, spaces: Sequence[BackboneSpace]
    ) -> dict[str, torch.Tensor]:
        """What the layers and outputs of `spaces` give."""
        outputs = {space.output for space in spaces if space.output}
        watched = _Watched({space.layer for space in spaces if space.layer}, stops=not outputs)
        self._now.watched = watched
        try:
            output = self.network(pixels)
        except _AllSeenError:
            return watched.seen
        finally:
            del self._now.watched
        seen = watched.seen
        if missing := sorted(watched.layers - set(seen)):
            raise ValueError(f"the layer {missing[0]} is not on the way of a forward pass")
        if outputs:
            seen["pooled"] = _pooled(output)
        if "projected" in outputs:
            seen["projected"] = self.network.visual_projection(seen["pooled"])
        return seen

    def _keep(self, name: str, output: Any) -> None:
        """Called after a named layer, in the lane that runs it."""
        watched: _Watched | None = getattr(self._now, "watched", None)
        if watched is None or name not in watched.layers:
            return
        watched.seen[name] = _tensor_of(output)
        if watched.stops and len(watched.seen) == len(watched.layers):
            raise _AllSeenError

    def _aggregated(self, space: BackboneSpace, given: torch.Tensor) -> torch.Tensor:
        """(images, dimensions) of what a layer gave, float32."""
        if given.ndim == 2:
            if space.aggregate:
                raise ValueError(
                    f"{space.layer} gives one vector: leave aggregate = {space.aggregate!r} out"
                )
            return given.to(torch.float32)
        if given.ndim not in (3, 4):
            raise ValueError(f"{space.layer} gives {tuple(given.shape[1:])}, no map or sequence")
        if not space.aggregate:
            raise ValueError(f"{space.layer} gives many vectors: say aggregate = sum, max or mean")
        if given.ndim == 4:
            return over_places(given.flatten(2), space.aggregate)
        extra = given.shape[1] - self._patches
        if self._patches and 0 < extra <= MOST_EXTRA_TOKENS:
            given = given[:, extra:]
        return over_places(given.transpose(1, 2), space.aggregate)

    def _tried(self, backbone: Backbone) -> dict[str, int]:
        """Dimensions of every space, from a blank picture."""
        blank = np.zeros((*backbone.preprocessing.seen, 3), dtype=np.uint8)
        try:
            found = self.extract([blank])
        except (ValueError, RuntimeError, TypeError, AttributeError) as error:
            raise WeightsDamagedError(f"{backbone.model}: {_first_line(error)}.") from error
        return {name: rows.shape[1] for name, rows in found.items()}


def load_network(*, backbone: Backbone, outputs: Collection[str]) -> nn.Module:
    """Build the model from its configuration and fill it from its safetensors file, float32.

    Of a model of images and texts it is the part for images; with `projected` among the outputs it
    has CLIP's projection as `visual_projection`.

    Raises:
        WeightsDamagedError: it is of no known kind, needs code of its own, or its weights are not
            whole, do not fit, are missing or not finite; the sentence names the tensor.
    """
    # What it would report is refused below.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    here = {"local_files_only": True, "trust_remote_code": False}
    try:
        config = AutoConfig.from_pretrained(backbone.folder, **here)
        network, loading = _class_of(config, "projected" in outputs).from_pretrained(
            backbone.folder,
            config=_config_of_tower(config),
            use_safetensors=True,
            dtype=torch.float32,
            ignore_mismatched_sizes=True,  # they are refused below, with their shapes
            output_loading_info=True,
            **here,
        )
    except SafetensorError as error:
        raise WeightsDamagedError(
            f"model.safetensors of {backbone.model} is not a whole safetensors file."
        ) from error
    except (ValueError, OSError, KeyError, ImportError, RuntimeError, TypeError) as error:
        raise WeightsDamagedError(
            f"{backbone.model} cannot be loaded: {_first_line(error)}."
        ) from error
    _refuse_what_does_not_fit(backbone=backbone, loading=loading, network=network, outputs=outputs)
    if isinstance(network, CLIPVisionModelWithProjection):
        tower: nn.Module = network.vision_model
        tower.visual_projection = network.visual_projection
        return tower
    has_other_towers = config.model_type not in TOWERS and hasattr(config, "vision_config")
    found: nn.Module = network.vision_model if has_other_towers else network
    return found


def _class_of(config: Any, projected: bool) -> Any:
    kind = config.model_type
    if projected:
        if kind not in ("clip", "clip_vision_model"):
            raise ValueError("only CLIP has a projected output: take output = pooled")
        return CLIPVisionModelWithProjection
    return TOWERS.get(kind, AutoModel)


def _config_of_tower(config: Any) -> Any:
    """The part of a configuration that `_class_of` builds from."""
    if config.model_type not in TOWERS:
        return config
    tower = config.vision_config
    if config.model_type == "clip":  # the whole model's number holds, not the tower's copy of it
        tower.projection_dim = config.projection_dim
    return tower


def _refuse_what_does_not_fit(
    *, backbone: Backbone, loading: Any, network: nn.Module, outputs: Collection[str]
) -> None:
    file = f"model.safetensors of {backbone.model}"
    for name, found, expected in sorted(loading["mismatched_keys"]):
        raise WeightsDamagedError(
            f"{file}: the tensor {name} has the shape {tuple(found)}, not {tuple(expected)}."
        )
    for name in sorted(loading["missing_keys"]):
        if not name.startswith("pooler."):
            raise WeightsDamagedError(f"{file} has no tensor for {name}.")
        if any(outputs):  # a network trained to classify: only its layers are of use
            raise WeightsDamagedError(
                f"{file} has no tensor for {name}: take a layer with an aggregate instead of "
                "the pooled output."
            )
    parameters = dict(network.named_parameters()) | dict(network.named_buffers())
    if (name := first_bad(parameters, parameters.values())) is not None:
        raise WeightsDamagedError(f"{file}: the tensor {name} is not finite.")


def _pooled(output: Any) -> torch.Tensor:
    pooled = getattr(output, "pooler_output", None)
    if pooled is None:
        raise ValueError("it has no pooled output: take a layer with an aggregate")
    found: torch.Tensor = pooled.flatten(1)
    return found


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0].rstrip(".")


def layer_of(network: nn.Module, space: BackboneSpace) -> nn.Module:
    """The module that a line names.

    Raises:
        WeightsDamagedError: there is none; names the nearest.
    """
    known: dict[str, nn.Module] = {name: module for name, module in network.named_modules() if name}
    if space.layer in known:
        return known[space.layer]
    near = difflib.get_close_matches(space.layer, known, n=1, cutoff=0.0)
    raise WeightsDamagedError(
        f"{space.name}: {space.model} has no layer {space.layer!r}; the nearest is {near[0]!r}."
    )


def _after(
    keep: Callable[[str, Any], None], name: str, _module: nn.Module, _inputs: Any, output: Any
) -> None:
    keep(name, output)


def _tensor_of(output: Any) -> torch.Tensor:
    """The tensor in what a module returned: itself, the first of a tuple, or the last hidden."""
    if isinstance(output, torch.Tensor):
        return output
    if isinstance(output, tuple) and output and isinstance(output[0], torch.Tensor):
        return output[0]
    hidden = getattr(output, "last_hidden_state", None)
    if isinstance(hidden, torch.Tensor):
        return hidden
    raise ValueError(f"the layer gives a {type(output).__name__}, which is no map or sequence")


def _patches_of(config: Any, seen: tuple[int, int]) -> int:
    """How many patches a picture is cut into; 0 where the configuration does not say."""
    size = getattr(config, "patch_size", None)
    if isinstance(size, int) and size > 0:
        return (seen[0] // size) * (seen[1] // size)
    return 0
