"""Photographs to ask several networks about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from PIL import Image, ImageOps

from neatfool import ExperimentError, PluginError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from neatfool import ImageSpec

    from .networks import Network


@dataclass(frozen=True)
class Photograph:
    """A photograph: what it is called, and how it is opened."""

    name: str
    open: Callable[[], Image.Image]


def fit_photograph(photograph: Photograph, spec: ImageSpec) -> torch.Tensor:
    """Cut out a photograph's middle at a target's size, uint8 [1, C, H, W].

    Raises:
        ExperimentError: Its file cannot be read.
    """
    grey = spec.channels == 1
    image = ImageOps.exif_transpose(photograph.open()).convert("L" if grey else "RGB")
    pixels = np.array(ImageOps.fit(image, (spec.width, spec.height), Image.Resampling.BICUBIC))
    return torch.from_numpy(pixels[None] if grey else pixels.transpose(2, 0, 1))[None]


def photographs_in(folder: Path) -> list[Photograph]:
    """Find the photographs in a folder and in the folders in it.

    Raises:
        ExperimentError: There is none.
    """
    endings = Image.registered_extensions()
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in endings)
    if not files:
        raise ExperimentError(
            f"{folder}: there is no image in it; give a folder of JPEG or PNG files"
        )
    return [Photograph(str(file.relative_to(folder)), _opener(file)) for file in files]


def photographs_of(networks: Sequence[Network]) -> list[Photograph]:
    """Take the photographs that targets offer; of two with one name the first.

    Raises:
        PluginError: A target offers something else.
    """
    found: dict[str, Image.Image] = {}
    for network in networks:
        if offer := getattr(network.scorer.target, "photographs", None):
            offered = offer()
            if not isinstance(offered, Mapping) or not all(
                isinstance(image, Image.Image) for image in offered.values()
            ):
                raise PluginError(
                    f"{network.scorer.name}: photographs() must give Pillow images by name, and "
                    f"gave {type(offered).__name__}; give a dict, or --photographs FOLDER"
                )
            found = {**offered, **found}
    return [Photograph(name, image.copy) for name, image in found.items()]


def _opener(file: Path) -> Callable[[], Image.Image]:
    def read() -> Image.Image:
        try:
            with Image.open(file) as image:
                return image.copy()
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise ExperimentError(
                f"{file}: cannot be read as an image ({error}); take it out of the folder"
            ) from error

    return read
