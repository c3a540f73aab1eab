"""Colour maps: from the outputs of a CPPN to the channels of an image."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import torch

from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Convert = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class ColourMap:
    """How outputs become channels.

    Attributes:
        name: What experiments call it.
        labels: What each output means, in their order.
        channels: How many channels it makes: 1 (grey) or 3 (RGB).
        convert: Takes outputs [N, O, P] without NaN to channels [N, C, P] in [0, 1].
    """

    name: str
    labels: tuple[str, ...]
    channels: int
    convert: Convert

    @property
    def outputs(self) -> int:
        """How many outputs it takes."""
        return len(self.labels)

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map outputs to channels.

        Args:
            outputs: Floats [N, O, P]; NaN counts as 0.

        Returns:
            Floats [N, C, P] in [0, 1], differentiable with respect to the outputs.
        """
        return self.convert(torch.nan_to_num(outputs, nan=0.0))


def quantise(channels: torch.Tensor) -> torch.Tensor:
    """Round channels in [0, 1] to uint8: 255 times the value, to the nearest integer."""
    return channels.mul(255.0).round_().to(torch.uint8)


def find_colour_map(
    name: str, *, outputs: int | None = None, channels: int | None = None
) -> ColourMap:
    """Find a colour map by its name, and check that it fits.

    Args:
        name: One of ``COLOUR_MAPS``.
        outputs: How many outputs the genomes have; not checked if absent.
        channels: How many channels the images are to have; not checked if absent. Three fit a
            grey map too, whose channel is then repeated.

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


def _magnitude(outputs: torch.Tensor) -> torch.Tensor:
    return outputs.abs().clamp(max=1.0)


def _ramps(hue: torch.Tensor) -> torch.Tensor:
    """Give red, green and blue [N, 3, P] of the pure colour of a hue [N, P] in [0, 1]."""
    turn = 6.0 * hue
    red = (turn - 3.0).abs() - 1.0
    green = 2.0 - (turn - 2.0).abs()
    blue = 2.0 - (turn - 4.0).abs()
    return torch.stack([red, green, blue], dim=1).clamp(0.0, 1.0)


def _from_hsv(hue: torch.Tensor, saturation: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
    chroma = (saturation * value).unsqueeze(1)
    return value.unsqueeze(1) - chroma + chroma * _ramps(hue)


def _hsv(outputs: torch.Tensor) -> torch.Tensor:
    return _from_hsv(*_magnitude(outputs).unbind(1))


def _hsv_signed_hue(outputs: torch.Tensor) -> torch.Tensor:
    hue = (0.5 * (outputs[:, 0] + 1.0)).clamp(0.0, 1.0)
    return _from_hsv(hue, *_magnitude(outputs[:, 1:]).unbind(1))


def _hls(outputs: torch.Tensor) -> torch.Tensor:
    hue, lightness, saturation = _magnitude(outputs).unbind(1)
    chroma = (saturation * (1.0 - (2.0 * lightness - 1.0).abs())).unsqueeze(1)
    return lightness.unsqueeze(1) + chroma * (_ramps(hue) - 0.5)


COLOUR_MAPS: Mapping[str, ColourMap] = MappingProxyType(
    {
        each.name: each
        for each in (
            ColourMap("grey", ("grey",), 1, _magnitude),
            ColourMap("rgb", ("red", "green", "blue"), 3, _magnitude),
            ColourMap("hsv", ("hue", "saturation", "value"), 3, _hsv),
            ColourMap("hsv_signed_hue", ("hue", "saturation", "value"), 3, _hsv_signed_hue),
            ColourMap("hls", ("hue", "lightness", "saturation"), 3, _hls),
        )
    }
)
"""The colour maps by name.

``grey`` and ``rgb`` take absolute values, as the paper does; ``hsv`` is the paper's for colour,
``hls`` that of its original code; ``hsv_signed_hue`` has the hue (o + 1) / 2, which the sign of
the output changes too.
"""
