"""How a network in a file takes images: which layouts it may mean, and how bytes are scaled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from neatfool.errors import TargetError
from neatfool.models.preprocessing import (
    IMAGENET_DEVIATION,
    IMAGENET_MEAN,
    Preprocessing,
    in_bytes,
)

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool.models.classifier import Request

_CROPPED: Final = 0.875
"""Most networks were trained to see this share of a photograph's shorter side."""
_DRAWN: Final = (3, 1)
"""Channels of the images that can be drawn."""


@dataclass(frozen=True)
class Input:
    """The only input of a network in a file.

    Attributes:
        shape: Its four sizes, with None for any size.
        dtype: What it takes.
        scale: A quantised input's step; None for any other.
        zero: A quantised input's number for 0.
    """

    shape: tuple[int | None, ...]
    dtype: torch.dtype = torch.float32
    scale: float | None = None
    zero: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it takes whole numbers."""
        return not self.dtype.is_floating_point


@dataclass(frozen=True)
class Layout:
    """The shape of one image for a network."""

    channels: int
    height: int
    width: int
    last: bool

    def noise(self, count: int, scaling: Preprocessing) -> torch.Tensor:
        """Make random images as a :class:`Network` hands them over: float32 [count, C, H, W]."""
        generator = torch.Generator().manual_seed(0)
        shape = (count, self.channels, self.height, self.width)
        pixels = torch.randint(0, 256, shape, generator=generator).float()
        mean, std = (torch.tensor(each).view(1, -1, 1, 1) for each in (scaling.mean, scaling.std))
        return (pixels - mean) / std


def layouts_of(path: Path, given: Input, size: int | None) -> list[Layout]:
    """List the layouts that a file may mean, the likeliest first.

    Raises:
        TargetError: It takes no images.
        ValueError: The request must say their size, or says another.
    """
    shape = given.shape
    if shape[1] in _DRAWN:
        found = [(shape[1], False)]
    elif shape[3] in _DRAWN:
        found = [(shape[3], True)]
    else:
        places = [(False, shape[1]), (True, shape[3])]
        found = [(n, last) for n in _DRAWN for last, there in places if there is None]
    if not found:
        raise TargetError(
            f"{path}: takes {_write_shape(shape)}; export a classifier of images with 1 or "
            "3 channels, which come first or last"
        )
    layouts = []
    for channels, last in found:
        sides = shape[1:3] if last else shape[2:]
        height, width = (side or size for side in sides)
        if height is None or width is None:
            raise ValueError("takes images of any size; choose one with [target] size = PIXELS")
        if size is not None and (height, width) != (size, size):
            raise ValueError(
                f"size = {size}: it takes images of {width}x{height}; leave 'size' out"
            )
        layouts.append(Layout(channels or 3, height, width, last))
    return layouts


def scaling_of(
    layout: Layout, given: Input, request: Request, *, must_scale: bool
) -> Preprocessing:
    """Decide how bytes are scaled.

    Raises:
        ValueError: The request must say it, or says what does not fit.
    """
    if given.is_whole and request.mean is None and request.std is None:
        scales: list[tuple[float, ...]] = [(0.0,), (1.0,)]
    else:
        told = _told_scaling(layout, given, request, must_scale)
        scales = [in_bytes(each) for each in told]
    return Preprocessing(
        height=layout.height,
        width=layout.width,
        larger=round(min(layout.height, layout.width) / _CROPPED),
        mean=scales[0],
        std=scales[1],
        channels=layout.channels,
    )


def _told_scaling(
    layout: Layout, given: Input, request: Request, must_scale: bool
) -> list[tuple[float, ...]]:
    if given.is_whole and given.scale is None:
        raise ValueError(
            f"takes bytes ({given.dtype}), and scales them itself; leave 'mean' and 'std' out"
        )
    if (must_scale or given.is_whole) and None in (request.mean, request.std):
        raise ValueError(
            "the file does not say how images are scaled; give both [target] mean and std: 0.5 and "
            "0.5 for numbers from -1 to 1, 0 and 1 from 0 to 1, 0 and 0.00392157 from 0 to 255"
        )
    numbers = []
    for key, said, usual in (
        ("mean", request.mean, IMAGENET_MEAN),
        ("std", request.std, IMAGENET_DEVIATION),
    ):
        chosen = tuple(said or (usual if layout.channels == 3 else (sum(usual) / 3,)))
        if len(chosen) not in (1, layout.channels):
            raise ValueError(
                f"{key} has {len(chosen)} numbers for {layout.channels} channels; give one each"
            )
        numbers.append(chosen)
    return numbers


def _write_shape(shape: tuple[int | None, ...]) -> str:
    return f"[{', '.join('any' if size is None else str(size) for size in shape)}]"
