"""Surroundings: a pixel shows the mean of the picture around it, as a camera's does.

Where a CPPN changes faster than the pixels, its value at a pixel's centre is an accident of the
grid. So the picture is sampled at points that belong to it and not to the size at which it is
drawn: one or more in each *native* pixel, one of the target's. A pixel of any size is the mean of
the samples around it, weighed by a bell: Hann's, cos(pi d / 2 r)^2 for distances d up to a reach r
in either direction, whose variance is r^2 (1/3 - 2/pi^2). That variance is the square of the blur,
and 1/12 of the square of the pixel's own width, which is the variance of its extent. So the mean of
four pixels is the pixel of an image half as large.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from neatfool.cppn.functions.inputs import pixel_grid

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from neatfool.cppn.functions.inputs import InputKind, PixelGrid

SAMPLES: Final[Mapping[int, tuple[tuple[float, float], ...]]] = MappingProxyType(
    {
        1: ((0.0, 0.0),),
        2: ((-0.25, -0.25), (0.25, 0.25)),
        4: tuple((x, y) for y in (-0.25, 0.25) for x in (-0.25, 0.25)),
        9: tuple((x, y) for y in (-1 / 3, 0.0, 1 / 3) for x in (-1 / 3, 0.0, 1 / 3)),
    }
)
"""The places (x, y) of the samples in a native pixel, from its centre, by their number. Two form a
lattice of diagonals, which is as good as one of squares with 1.4 times as many lines."""

REACH: Final = (1 / 3 - 2 / math.pi**2) ** -0.5
"""The reach of Hann's bell in standard deviations."""

STRIP: Final = 1 << 22
"""The most numbers of a temporary tensor on a CPU."""


@dataclass(frozen=True, eq=False)
class Weights:
    """How samples along an axis become pixels.

    Attributes:
        first: int64 [n], the first sample of each pixel, counted from that of a lattice; negative,
            or beyond the lattice, where the weight is 0.
        weights: float32 [n, K], the weight of it and the following samples; they add up to 1.
        kernel: float32 [K], if each pixel's first sample follows that of the pixel before: the
            weights of all pixels, up to a factor for each; else None.
        scale: float32 [n], that factor. It differs at the edges of the picture.
    """

    first: np.ndarray
    weights: np.ndarray
    kernel: np.ndarray | None
    scale: np.ndarray

    def part(self, pixels: slice) -> Weights:
        """Give the weights of some pixels."""
        return replace(
            self,
            first=self.first[pixels],
            weights=self.weights[pixels],
            scale=self.scale[pixels],
        )

    def matrix(self, samples: int) -> torch.Tensor:
        """Give the weight of each sample in each pixel, float32 [n, samples]."""
        whole = np.zeros((len(self.first), samples), np.float32)
        places = self.first[:, None] + np.arange(self.weights.shape[1])
        inside = (places >= 0) & (places < samples)
        pixels = np.broadcast_to(np.arange(len(places))[:, None], places.shape)
        whole[pixels[inside], places[inside]] = self.weights[inside]
        return torch.from_numpy(whole)

    def apply(self, samples: torch.Tensor) -> torch.Tensor:
        """Turn samples, floats [..., m, w], into pixels [..., n, w]."""
        first = torch.from_numpy(self.first).to(samples.device)
        weights = torch.from_numpy(self.weights).to(samples.device)
        rows = [(first + tap).clamp(0, samples.shape[-2] - 1) for tap in range(weights.shape[1])]
        total = samples.index_select(-2, rows[0]) * weights[:, :1]
        for tap, row in enumerate(rows[1:], 1):
            total += samples.index_select(-2, row) * weights[:, tap : tap + 1]
        return total


@dataclass(frozen=True, eq=False)
class Surroundings:
    """The samples that an image, or a box in it, is made of.

    Attributes:
        grids: The places of the samples: a grid for each of those of a native pixel, of one size.
        across: For each grid, how its columns become those of the image.
        down: For each grid, how its rows become those of the image.
    """

    grids: tuple[PixelGrid, ...]
    across: tuple[Weights, ...]
    down: tuple[Weights, ...]

    def smooth(self, samples: Sequence[torch.Tensor]) -> torch.Tensor:
        """Turn samples into pixels.

        Args:
            samples: For each grid uint8 [N, C, h * w], on any device.

        Returns:
            uint8 [N, C, H * W] on that device.
        """
        count, channels = samples[0].shape[:2]
        height, width = len(self.down[0].first), len(self.across[0].first)
        device = samples[0].device
        image = torch.empty(count, channels, height, width, dtype=torch.uint8, device=device)
        tall, broad = len(self.grids[0].y), len(self.grids[0].x)
        at_once, rows = max(count, 1), height
        if device.type == "cpu":
            at_once = max(STRIP // (tall * width * channels), 1)
            rows = max(STRIP // (at_once * channels * width), 1)
        for start in range(0, count, at_once):
            own = slice(start, start + at_once)
            lines = [
                across.apply(each[own].view(-1, channels, tall, broad).mT.float()).mT
                for across, each in zip(self.across, samples, strict=True)
            ]
            for top in range(0, height, rows):
                strip = slice(top, top + rows)
                parts = [
                    down.part(strip).apply(each)
                    for down, each in zip(self.down, lines, strict=True)
                ]
                mean = sum(parts[1:], parts[0]) * (1 / len(parts))
                image[own, :, strip] = mean.round_().to(torch.uint8)
        return image.flatten(2)

    def spread(self, gradients: torch.Tensor) -> list[torch.Tensor]:
        """Turn gradients by pixels into gradients by samples.

        Args:
            gradients: floats [..., H, W].

        Returns:
            For each grid floats [..., h, w].
        """
        # As products of whole matrices: on a CPU the fastest of the ways that were tried.
        return [
            down.matrix(len(grid.y)).to(gradients).mT
            @ gradients
            @ across.matrix(len(grid.x)).to(gradients)
            * (1 / len(self.grids))
            for grid, across, down in zip(self.grids, self.across, self.down, strict=True)
        ]


@lru_cache(maxsize=8)
def surroundings(
    height: int,
    width: int,
    *,
    native: tuple[int, int] | None = None,
    box: tuple[int, int, int, int] | None = None,
    kind: InputKind = "raw",
    blur: float,
    samples: int = 2,
) -> Surroundings:
    """Find the samples of an image, or of a box in it.

    Args:
        height: As for :func:`~neatfool.cppn.functions.inputs.pixel_grid`, like the next four.
        width: Pixels of the whole image from left to right.
        native: The native (height, width); by default the size of the image.
        box: (left, top, right, bottom) of the wanted part; all of it if absent.
        kind: Whether x and y are ``"raw"`` or ``"normalised"``.
        blur: The standard deviation of the bell, in native pixels, above 0.
        samples: The samples in a native pixel: one of ``SAMPLES``.

    Returns:
        The samples. The pixels of a box are exactly a part of those of the whole.

    Raises:
        ValueError: A size, the box, the kind of inputs, the blur or the samples are wrong.
    """
    # Raises the error, if a size or the box is wrong.
    pixel_grid(height, width, native=native, box=box, kind=kind)
    if not 0 < blur < math.inf:
        raise ValueError(f"blur {blur}: must be above 0 and finite")
    if samples not in SAMPLES:
        raise ValueError(f"samples {samples}: must be one of {', '.join(map(str, SAMPLES))}")
    native_height, native_width = native or (height, width)
    left, top, right, bottom = box or (0, 0, width, height)
    shifts = SAMPLES[samples]
    columns, across = _weigh((left, right, width), native_width, blur, [x for x, _ in shifts])
    rows, down = _weigh((top, bottom, height), native_height, blur, [y for _, y in shifts])
    part = (columns.start, rows.start, columns.stop, rows.stop)
    grids = tuple(
        pixel_grid(native_height, native_width, box=part, kind=kind, shift=shift)
        for shift in shifts
    )
    return Surroundings(grids, across, down)


def _weigh(
    pixels: tuple[int, int, int], native: int, blur: float, shifts: Sequence[float]
) -> tuple[slice, tuple[Weights, ...]]:
    """Weigh the samples of pixels ``start`` to ``stop`` of ``size``, the three ``pixels``.

    Returns:
        The native pixels whose samples count, and for each shift the weights.
    """
    start, stop, size = pixels
    # At least as far as the next sample, so that there is one.
    reach = max(REACH * math.hypot(blur, native / size / math.sqrt(12)), 1.0)
    centres = ((2 * np.arange(start, stop) + 1) * native - size) / (2 * size)
    firsts = [np.floor(centres - shift - reach).astype(np.int64) + 1 for shift in shifts]
    begin = max(min(int(first[0]) for first in firsts), 0)
    taps = math.ceil(2 * reach)
    end = min(max(int(first[-1]) for first in firsts) + taps, native)
    found = []
    for shift, first in zip(shifts, firsts, strict=True):
        places = first[:, None] + np.arange(taps)
        distance = (places + shift - centres[:, None]) / reach
        bell = np.cos(np.pi / 2 * np.clip(distance, -1, 1)) ** 2
        bell /= bell.sum(axis=1, keepdims=True)
        inside = bell * ((places >= 0) & (places < native))
        scale = 1 / inside.sum(axis=1)
        found.append(
            Weights(
                first - begin,
                (inside * scale[:, None]).astype(np.float32),
                bell[0].astype(np.float32) if size == native else None,
                scale.astype(np.float32),
            )
        )
    return slice(begin, end), tuple(found)
