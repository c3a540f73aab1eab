"""Networks of transformers: from the Hugging Face hub, or a folder in its format."""

from __future__ import annotations

import copy
import math
from typing import TYPE_CHECKING, Any, Final

import torch
import transformers
from torch import nn

from neatfool import TargetError

from ..imagenet.preprocessing import Preprocessing
from .tower import CLIP_TEMPERATURE, Tower, hash_weights

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .options import Options

FOLDER: Final = "local-dir:"
"""What comes before a folder's name."""
FILTERS: Final = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers for how a photograph is resized."""
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
        return _vectors(self.model.get_image_features(pixel_values=images))  # type: ignore[operator]


def load_transformers(name: str, options: Options) -> Tower:
    """Load a network from the hub, or from ``local-dir:FOLDER``. No code of its own is executed.

    Raises:
        TargetError: It is not available, is damaged, or has no safetensors.
        ValueError: It does not compare images with texts, or does not say what it takes.
    """
    place = name.removeprefix(FOLDER)
    try:
        model, tokenizer, processor = _load(place)
    except Exception as error:  # errors of the network, the disk, and the file
        raise TargetError(
            f"[target] images = {options.images}: cannot be loaded ({type(error).__name__}: "
            f"{str(error).strip()}); if you are offline, use transformers:local-dir:FOLDER, a "
            "folder that save_pretrained made of the model and its processor"
        ) from error
    if not (hasattr(model, "get_image_features") and hasattr(model, "get_text_features")):
        raise ValueError(
            f"{type(model).__name__} does not compare images with texts; give a CLIP or SigLIP"
        )
    preprocessing = _preprocessing(processor)
    module = TransformersImages(model).eval()
    with torch.inference_mode():
        found = module(torch.zeros(1, 3, *preprocessing.size))

    def read(sentences: Sequence[str]) -> torch.Tensor:
        whole = model.config.model_type.startswith(PAD_WHOLE)
        padding = "max_length" if whole else True
        tokens = tokenizer([*sentences], padding=padding, truncation=True, return_tensors="pt")
        return _vectors(model.get_text_features(**tokens))

    scale = getattr(model, "logit_scale", None)
    return Tower(
        name=options.images,
        module=module,
        preprocessing=preprocessing,
        width=found.shape[1],
        temperature=CLIP_TEMPERATURE if scale is None else math.exp(-scale.item()),
        read=read,
        differentiable=True,
        source=f"transformers' {place}",
        content=hash_weights(model),
    )


def _load(place: str) -> tuple[Any, Any, Mapping[str, Any]]:
    library: Any = transformers
    safe: dict[str, Any] = {"trust_remote_code": False}
    model = library.AutoModel.from_pretrained(place, use_safetensors=True, **safe).float().eval()
    tokenizer = library.AutoTokenizer.from_pretrained(place, **safe)
    processor = library.AutoImageProcessor.from_pretrained(place, **safe)
    return model, tokenizer, processor.to_dict()


def _preprocessing(processor: Mapping[str, Any]) -> Preprocessing:
    size = processor.get("size") or {}
    cut = processor.get("crop_size") if processor.get("do_center_crop") else None
    height, width = _sides(cut or size)
    shortest = size.get("shortest_edge") or min(_sides(size))
    # Bytes are multiplied by this, and then normalised.
    factor = processor.get("rescale_factor", 1 / 255) if processor.get("do_rescale", True) else 1
    normalised = processor.get("do_normalize", True)
    mean, std = (
        processor[key] if normalised else [ordinary] * 3
        for key, ordinary in (("image_mean", 0.0), ("image_std", 1.0))
    )
    return Preprocessing(
        height=height,
        width=width,
        larger=shortest,
        mean=tuple(number / factor for number in mean),
        std=tuple(number / factor for number in std),
        filter=FILTERS.get(int(processor.get("resample") or 3), "bicubic"),
    )


def _sides(size: Mapping[str, int]) -> tuple[int, int]:
    side = size.get("shortest_edge")
    height, width = size.get("height", side), size.get("width", side)
    if height is None or width is None:
        raise ValueError(f"its processor does not say how large images are ({dict(size)})")
    return height, width


def _vectors(found: Any) -> torch.Tensor:
    """Give the vectors of an answer, which older versions give alone."""
    vectors: torch.Tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return vectors
