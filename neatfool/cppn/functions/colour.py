"""Colour maps turn the outputs of a CPPN into the channels of an image.

Like activations, one formula serves numpy and torch; both round these operations alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    Convert = Callable[..., Iterator[Any]]


@dataclass(frozen=True)
class ColourMap:
    """How outputs become channels.

    Attributes:
        name: Its name in experiments.
        labels: The meaning of each output, in their order.
        channels: The number of channels: 1 (grey) or 3 (RGB).
        convert: ``convert(xp, *outputs)`` yields the channels, in [0, 1], one after another;
            ``xp`` is numpy or torch, and no output is NaN.
    """

    name: str
    labels: tuple[str, ...]
    channels: int
    convert: Convert

    @property
    def outputs(self) -> int:
        """The number of outputs that it takes."""
        return len(self.labels)

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map outputs to channels.

        Args:
            outputs: Floats [N, O, P]; NaN counts as 0.

        Returns:
            Floats [N, C, P] in [0, 1], differentiable by the outputs.
        """
        outputs = torch.nan_to_num(outputs, nan=0.0)
        return torch.stack(list(self.convert(torch, *outputs.unbind(1))), dim=1)

    def write(self, outputs: np.ndarray, images: np.ndarray, *, may_be_nan: bool = True) -> None:
        """Map outputs to channels, and round these as :func:`quantise` does.

        Args:
            outputs: Floats [O, N, P]; NaN in them may be overwritten.
            images: uint8 [N, C, P], to write to.
            may_be_nan: False if the outputs are known to hold no NaN, which saves a check.
        """
        if may_be_nan:
            np.copyto(outputs, 0.0, where=np.isnan(outputs))
        for channel, values in enumerate(self.convert(np, *outputs)):
            np.multiply(values, 255.0, out=values)
            np.rint(values, out=values)
            np.copyto(images[:, channel], values, casting="unsafe")


def quantise(channels: torch.Tensor) -> torch.Tensor:
    """Round channels in [0, 1] to uint8: 255 times the value, to the nearest integer."""
    return channels.mul(255.0).round_().to(torch.uint8)


def find_colour_map(
    name: str, *, outputs: int | None = None, channels: int | None = None
) -> ColourMap:
    """Find a colour map by its name, and check that it fits.

    Args:
        name: One of ``COLOUR_MAPS``.
        outputs: The genomes' number of outputs; not checked if absent.
        channels: The images' number of channels; not checked if absent. Three fit a grey map too,
            whose channel is then repeated.

    Raises:
        ExperimentError: There is no such colour map, or it does not fit; the message offers
            the nearest names or those that fit.
    """
    if name not in COLOUR_MAPS:
        raise ExperimentError(f"unknown colour map {name!r}{nearest(name, COLOUR_MAPS)}")
    found = COLOUR_MAPS[name]
    if outputs not in (None, found.outputs):
        raise ExperimentError(
            f"colour map {name!r} takes {found.outputs} outputs ({', '.join(found.labels)}), "
            f"and the genomes have {outputs}; set num_outputs = {found.outputs}"
        )
    if channels not in (None, found.channels) and not (channels == 3 and found.channels == 1):
        raise ExperimentError(
            f"colour map {name!r} makes {found.channels} channels, and the images have {channels}; "
            "use 'grey'"
        )
    return found


def _own(xp: Any, array: Any) -> Any:
    """Give a new array to overwrite; None for torch, where that would disturb gradients."""
    return array if xp is np else None


def _magnitude(xp: Any, output: Any) -> Any:
    size = xp.absolute(output)
    return xp.clip(size, 0.0, 1.0, out=_own(xp, size))


def _magnitudes(xp: Any, *outputs: Any) -> Iterator[Any]:
    for output in outputs:
        yield _magnitude(xp, output)


def _pure_colour(xp: Any, hue: Any) -> Iterator[Any]:
    """Give red, green and blue, in [0, 1], of the pure colour of a hue in [0, 1]."""
    turn = xp.multiply(hue, 6.0)
    for centre, full_there in ((3.0, False), (2.0, True), (4.0, True)):
        part = xp.subtract(turn, centre)
        out = _own(xp, part)
        part = xp.absolute(part, out=out)
        if full_there:
            part = xp.negative(part, out=out)
        part = xp.add(part, 2.0 if full_there else -1.0, out=out)
        yield xp.clip(part, 0.0, 1.0, out=out)


def _tint(xp: Any, hue: Any, darkest: Any, chroma: Any) -> Iterator[Any]:
    """Give red, green and blue of a hue, scaled to the range from darkest to darkest + chroma."""
    for part in _pure_colour(xp, hue):
        out = _own(xp, part)
        coloured = xp.multiply(part, chroma, out=out)
        yield xp.add(coloured, darkest, out=out)


def _from_hsv(xp: Any, hue: Any, saturation: Any, value: Any) -> Iterator[Any]:
    chroma = xp.multiply(saturation, value)
    return _tint(xp, hue, xp.subtract(value, chroma), chroma)


def _hsv(xp: Any, *outputs: Any) -> Iterator[Any]:
    return _from_hsv(xp, *_magnitudes(xp, *outputs))


def _hsv_signed_hue(xp: Any, hue: Any, *others: Any) -> Iterator[Any]:
    shifted = xp.add(hue, 1.0)
    out = _own(xp, shifted)
    shifted = xp.multiply(shifted, 0.5, out=out)
    shifted = xp.clip(shifted, 0.0, 1.0, out=out)
    return _from_hsv(xp, shifted, *_magnitudes(xp, *others))


def _hls(xp: Any, *outputs: Any) -> Iterator[Any]:
    hue, lightness, saturation = _magnitudes(xp, *outputs)
    room = xp.minimum(lightness, 1.0 - lightness)
    chroma = xp.multiply(saturation, room)
    return _tint(xp, hue, xp.subtract(lightness, chroma), xp.multiply(chroma, 2.0))


COLOUR_MAPS: Mapping[str, ColourMap] = MappingProxyType(
    {
        each.name: each
        for each in (
            ColourMap("grey", ("grey",), 1, _magnitudes),
            ColourMap("rgb", ("red", "green", "blue"), 3, _magnitudes),
            ColourMap("hsv", ("hue", "saturation", "value"), 3, _hsv),
            ColourMap("hsv_signed_hue", ("hue", "saturation", "value"), 3, _hsv_signed_hue),
            ColourMap("hls", ("hue", "lightness", "saturation"), 3, _hls),
        )
    }
)
"""The colour maps by name.

``grey`` and ``rgb`` take absolute values, as the paper does. ``hsv`` is the paper's map for colour,
``hls`` that of its original code. ``hsv_signed_hue`` has the hue (o + 1) / 2, so that the sign of
the output matters too.
"""
