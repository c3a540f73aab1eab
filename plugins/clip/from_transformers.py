"""Networks of transformers: from the Hugging Face hub, or a folder in its format."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import nn
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from neatfool import TargetError

from ..imagenet.from_transformers import (
    find_preprocessing,
    find_source,
    load_part,
    load_processor,
)
from .tower import CLIP_TEMPERATURE, Tower, hash_weights

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .options import Options

PAD_WHOLE: Final = "siglip"
"""Networks of this name have only seen texts that are padded to their full length."""


class TransformersImages(nn.Module):
    """The half of a model that looks at images."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        half = copy.copy(model)
        # The texts are read once, before the run; a GPU need not hold what reads them.
        half._modules = {
            name: each for name, each in model._modules.items() if not name.startswith("text")
        }
        self.model = half

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute vectors [N, D] of floats [N, C, H, W]."""
        found: torch.Tensor = self.model.get_image_features(pixel_values=images).pooler_output  # type: ignore[operator]
        return found


def load_transformers(name: str, options: Options) -> Tower:
    """Load a network by its name on the hub, or from a folder. No code of its own is executed.

    Raises:
        ExperimentError: The folder does not exist.
        TargetError: It cannot be downloaded or loaded, or has no weights in safetensors.
        ValueError: It does not compare images with texts, or its image processor does what
            neatfool cannot do.
    """
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    source = find_source(name)
    model = _load_model(source)
    tokenizer = load_part(AutoTokenizer, source)
    vision = getattr(model.config, "vision_config", model.config)
    preprocessing = find_preprocessing(load_processor(source), vision)
    module = TransformersImages(model).eval()
    with torch.inference_mode():
        found = module(torch.zeros(1, 3, *preprocessing.size))

    def read(sentences: Sequence[str]) -> torch.Tensor:
        whole = model.config.model_type.startswith(PAD_WHOLE)
        padding = "max_length" if whole else True
        tokens = tokenizer([*sentences], padding=padding, truncation=True, return_tensors="pt")
        vectors: torch.Tensor = model.get_text_features(**tokens).pooler_output
        return vectors

    scale = getattr(model, "logit_scale", None)
    return Tower(
        name=options.images,
        module=module,
        preprocessing=preprocessing,
        width=found.shape[1],
        temperature=CLIP_TEMPERATURE if scale is None else math.exp(-scale.item()),
        read=read,
        differentiable=True,
        source=f"{type(model).__name__} from {source}",
        content=hash_weights(model),
    )


def _load_model(source: str) -> Any:
    model, found = load_part(
        AutoModel,
        source,
        use_safetensors=True,
        dtype=torch.float32,
        output_loading_info=True,
    )
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise ValueError(
            f"{type(model).__name__} does not compare images with texts; give a CLIP or SigLIP"
        )
    if missing := sorted(map(str, found["missing_keys"])):
        raise TargetError(
            f"transformers:{source}: its weights lack {', '.join(missing[:3])}; it is not whole: "
            "download it again"
        )
    return model.eval()
