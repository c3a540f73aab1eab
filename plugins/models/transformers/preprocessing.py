"""Finding out by trying what an image processor of transformers does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from neatfool.models import Preprocessing

_FILTERS: Final = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic", 4: "box", 5: "hamming"}
"""Pillow's filters, by the numbers under which processors know them."""
_SHAPES: Final = ((300, 300), (300, 400), (500, 350))
"""Sizes of photographs that a processor is tried on, (height, width)."""
_CLOSE: Final = 1e-4
_ALIKE: Final = 1.0
"""Photographs whose bytes differ by less than this, in the mean, were prepared alike: a filter's
rounding makes a tenth of it, and another part of the photograph twenty times as much."""


def find_preprocessing(processor: Any, config: Any) -> Preprocessing:
    """Find out by trying what the processor does, which prepares photographs itself."""
    channels = int(getattr(config, "num_channels", 3) or 3)
    if channels not in (1, 3):
        raise ValueError(f"takes images of {channels} channels; only 1 and 3 can be drawn")
    sizes = {tuple(_process(processor, _grey(128, shape, channels)).shape[1:]) for shape in _SHAPES}
    if len(sizes) > 1:
        raise ValueError(
            "its image processor does not bring photographs to one size; give `crop_size`, or "
            "`size` with height and width, in preprocessor_config.json"
        )
    ((height, width),) = sizes
    mean, std = _scale(processor, (height, width), channels)
    usual = Preprocessing(
        height=height,
        width=width,
        larger=_larger(processor, min(height, width)),
        mean=mean,
        std=std,
        filter=_FILTERS.get(int(getattr(processor, "resample", None) or 2), "bilinear"),
        channels=channels,
    )

    def prepare(image: Image.Image) -> torch.Tensor:
        pixels = _process(processor, image, do_rescale=False, do_normalize=False)
        return pixels.round().clamp(0, 255).to(torch.uint8)

    in_words = _in_words(usual, prepare, type(processor).__name__)
    return replace(usual, own=prepare, own_in_words=in_words)


def _in_words(
    usual: Preprocessing, prepare: Callable[[Image.Image], torch.Tensor], name: str
) -> str:
    """Say what a processor makes of a photograph that is not square; empty if it is as usual."""
    ramps = np.meshgrid(np.linspace(0, 255, 450), np.linspace(0, 255, 300))
    image = Image.fromarray(np.stack([*ramps, ramps[0]], -1).astype(np.uint8))
    image = image.convert("L" if usual.channels == 1 else "RGB")
    shown = prepare(image).float()

    def agrees(expected: torch.Tensor) -> bool:
        return float((shown - expected).abs().mean()) < _ALIKE

    if agrees(usual.prepare(image)):
        return ""
    small = np.array(image.resize((usual.width, usual.height), Image.Resampling.BILINEAR))
    if agrees(torch.from_numpy(small.reshape(*usual.size, -1)).permute(2, 0, 1)):
        return f"stretched to {usual.width}x{usual.height} ({usual.filter})"
    return f"as its {name} does it"


def _scale(
    processor: Any, size: tuple[int, int], channels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Find what is subtracted from bytes, and what they are divided by afterwards."""
    as_is = {"do_resize": False, "do_center_crop": False}
    dark, light = (
        _process(processor, _grey(grey, size, channels), **as_is).double().mean((1, 2))
        for grey in (0, 255)
    )
    std = 255 / (light - dark)
    mean = -dark * std
    noise = np.random.default_rng(0).integers(0, 256, (*size, channels), np.uint8)
    image = Image.fromarray(noise.squeeze(-1) if channels == 1 else noise)
    by_hand = (torch.from_numpy(noise).permute(2, 0, 1) - mean[:, None, None]) / std[:, None, None]
    if not torch.allclose(_process(processor, image, **as_is).double(), by_hand, atol=_CLOSE):
        raise ValueError(
            f"its image processor ({type(processor).__name__}) does more than to scale an image of "
            "the right size; write a target plugin for it"
        )
    # 127.5 came back as 127.50000033: undo the rounding to float32.
    tidy_mean, tidy_std = (tuple(float(f"{n:.7g}") for n in each.tolist()) for each in (mean, std))
    return tidy_mean, tidy_std


def _process(processor: Any, image: Image.Image, **options: Any) -> torch.Tensor:
    answer: torch.Tensor = processor(images=[image], return_tensors="pt", **options)["pixel_values"]
    if answer.ndim != 4:
        raise ValueError(
            f"its image processor gives {list(answer.shape)}; one for classifiers gives "
            "[images, channels, height, width]"
        )
    return answer[0].float()


def _grey(grey: int, size: tuple[int, int], channels: int) -> Image.Image:
    mode = "L" if channels == 1 else "RGB"
    return Image.new(mode, size[::-1], grey if channels == 1 else (grey,) * 3)


def _larger(processor: Any, side: int) -> int:
    """Tell to what side a photograph is resized before its middle is cut out."""
    size = dict(getattr(processor, "size", None) or {})
    shorter = size.get("shortest_edge") or min(size.get("height") or 0, size.get("width") or 0)
    share = getattr(processor, "crop_pct", None)
    if share and size.get("shortest_edge") and side < 384:  # as ConvNextImageProcessor does
        shorter = round(shorter / share)
    return max(side, shorter)
