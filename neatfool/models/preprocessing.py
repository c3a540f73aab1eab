"""How images are prepared for a network: their size, and how their bytes are scaled.

A network in a file may say of its input what images it takes, and the user says the rest.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from PIL import Image

from neatfool.errors import TargetError

_IMAGENET: Final = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
"""Of red, green and blue in [0, 1]."""
_DRAWN: Final = (3, 1)
"""Channels of the images that can be drawn."""


@dataclass(frozen=True)
class Preprocessing:
    """The input that a network was trained with.

    Attributes:
        height: Of its images, in pixels.
        width: Of its images, in pixels.
        larger: A photograph's shorter side is resized to this many pixels before its middle is
            cut out. Ten crops are taken of images of this side.
        mean: What to subtract from the bytes of each channel: one or three numbers in [0, 255].
        std: What to divide by after that.
        filter: How a photograph is resized.
        channels: 3 (RGB), or 1 (grey).
        own: What the network's library prepares a photograph with, if it does: an image of the
            right colours in, uint8 [C, H, W] out.
        guessed: Whether nobody said how photographs are prepared, as for a network in a file. One
            of the network's very size is then shown as it is.
    """

    height: int
    width: int
    larger: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    filter: str = "bilinear"
    channels: int = 3
    own: Callable[[Image.Image], Any] | None = field(default=None, repr=False, compare=False)
    guessed: bool = field(default=False, repr=False, compare=False)

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) of the network's images."""
        return self.height, self.width

    @property
    def uncropped(self) -> tuple[int, int]:
        """(height, width) of the images that ten crops are taken of."""
        scale = max(self.larger / min(self.size), 1.0)
        return round(self.height * scale), round(self.width * scale)

    def describe(self, *, uncropped: bool = False) -> str:
        """Describe the preprocessing in one line; ``uncropped``: ten crops follow."""
        scaled = f"scaled (x - {_write(self.mean)}) / {_write(self.std)}"
        if (set(self.mean), set(self.std)) == ({0.0}, {1.0}):
            scaled = "bytes as they are"
        size = self.uncropped if uncropped else self.size
        how = f"shorter side to {max(self.larger, *size)} ({self.filter}), middle cut out"
        how += ", if of another size" if self.guessed else ""
        if self.own is not None and size == self.size:
            how = "as the network's library prepares them"
        return f"images of {self.width}x{self.height} pixels, {scaled}; photographs: {how}"

    def prepare(self, photograph: Image.Image, *, uncropped: bool = False) -> torch.Tensor:
        """Make of a photograph what the network was trained to see.

        Args:
            photograph: The photograph.
            uncropped: Whether ten crops follow.

        Returns:
            uint8 [C, height, width]: of :attr:`size`, or of :attr:`uncropped` for ten crops.
        """
        image = photograph.convert("L" if self.channels == 1 else "RGB")
        size = self.uncropped if uncropped else self.size
        if self.own is not None and size == self.size:
            return torch.as_tensor(self.own(image))
        # As torchvision does it. Importing that takes a second and 100 MB.
        as_it_is = self.guessed and image.size == size[::-1]
        shorter = min(size) if as_it_is else max(self.larger, *size)
        width, height = (shorter * side // min(image.size) for side in image.size)
        image = image.resize((width, height), Image.Resampling[self.filter.upper()])
        top, left = round((height - size[0]) / 2), round((width - size[1]) / 2)
        image = image.crop((left, top, left + size[1], top + size[0]))
        pixels = np.array(image).reshape(*size, self.channels).transpose(2, 0, 1)
        return torch.from_numpy(pixels.copy())


def in_bytes(numbers: Sequence[float]) -> tuple[float, ...]:
    """Scale numbers for images in [0, 1] to numbers for bytes."""
    return tuple(255 * number for number in numbers)


def _write(numbers: Sequence[float]) -> str:
    if len(set(numbers)) == 1:
        return f"{numbers[0]:g}"
    return f"[{', '.join(f'{number:.6g}' for number in numbers)}]"


@dataclass(frozen=True)
class Input:
    """The only input of a network in a file.

    Attributes:
        shape: Its four sizes, with None for any size.
        dtype: What it takes.
        scale: A quantised input's step; None for any other.
        zero: A quantised input's number for 0.
    """

    shape: tuple[int | None, ...] = (None,) * 4
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
    """List the layouts that a file may mean, the likeliest first."""
    shape = given.shape
    if shape[1] in _DRAWN:
        orders = [(shape[1], False)]
    elif shape[3] in _DRAWN:
        orders = [(shape[3], True)]
    else:
        places = [(False, shape[1]), (True, shape[3])]
        orders = [(n, last) for n in _DRAWN for last, size_there in places if size_there is None]
    if not orders:
        sizes = ", ".join("any" if size is None else str(size) for size in shape)
        raise TargetError(f"{path}: takes [{sizes}]; export a classifier of grey or RGB images")
    layouts = []
    for channels, last in orders:
        sides = shape[1:3] if last else shape[2:]
        height, width = (side or size for side in sides)
        if height is None or width is None:
            raise ValueError("takes images of any size; choose one with [target] size = PIXELS")
        if size is not None and (height, width) != (size, size):
            raise ValueError(f"size = {size}: it takes images of {width}x{height}; leave size out")
        layouts.append(Layout(channels or 3, height, width, last))
    return layouts


def scaling_of(
    layout: Layout, given: Input, requested: Mapping[str, Sequence[float] | None], *, scale: bool
) -> Preprocessing:
    """Decide how bytes are scaled; to ``scale``, a ``mean`` and a ``std`` must be requested."""
    as_bytes = given.is_whole and not any(requested.values())
    if not as_bytes and given.is_whole and given.scale is None:
        raise ValueError(f"takes bytes ({given.dtype}) and scales them itself; leave mean, std out")
    if not as_bytes and (scale or given.is_whole) and None in requested.values():
        raise ValueError(
            "the file does not say how images are scaled; give both [target] mean and std: 0.5 and "
            "0.5 for numbers from -1 to 1, 0 and 1 from 0 to 1, 0 and 0.00392157 from 0 to 255"
        )
    scales: list[tuple[float, ...]] = []
    for key, usual in _IMAGENET.items():
        chosen = tuple(requested[key] or (usual if layout.channels == 3 else (sum(usual) / 3,)))
        if len(chosen) not in (1, layout.channels):
            raise ValueError(
                f"{key} has {len(chosen)} numbers for {layout.channels} channels; give one each"
            )
        scales.append(in_bytes(chosen))
    mean, std = ((0.0,), (1.0,)) if as_bytes else scales
    return Preprocessing(
        height=layout.height,
        width=layout.width,
        larger=round(min(layout.height, layout.width) / 0.875),  # as for most networks
        mean=mean,
        std=std,
        channels=layout.channels,
        guessed=True,
    )
