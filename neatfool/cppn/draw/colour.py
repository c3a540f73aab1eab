"""Colour maps turn the outputs of a CPPN into the channels of an image.

A colour is the last activation: a pixel shows the mean of the colours within its reach, where
outputs count as linear. So fast hue is grey. Like the formulas of activations, those of colour maps
are written once, for all that draws.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from neatfool.cppn.formulas import Expression, Number, Trace
from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    import torch

Convert = Callable[..., Any]

_POINTS: Final = ((1, 0), (-1, 0), (0, 1), (0, -1))
"""Where a colour is looked at for its mean within the reach of a pixel: to the right and downwards,
in the square root of 2 of that reach. The mean is exact for cubic functions."""


@dataclass(frozen=True)
class ColourMap:
    """How outputs become channels.

    Attributes:
        name: Its name in experiments.
        labels: The meaning of each output, in their order.
        channels: The number of channels: 1 (grey) or 3 (RGB).
        convert: ``convert(xp, *outputs)`` gives a tuple of the channels, in [0, 1]; ``xp`` is a
            :class:`~neatfool.cppn.formulas.Trace`.
    """

    name: str
    labels: tuple[str, ...]
    channels: int
    convert: Convert

    @property
    def outputs(self) -> int:
        """The number of outputs that it takes."""
        return len(self.labels)

    @cached_property
    def at_points(self) -> Expression:
        """The formula of a picture of points: the channels, given the outputs."""
        trace = Trace(self.outputs)
        return trace.formula(self.convert(trace, *trace.given))

    @cached_property
    def within_reach(self) -> Expression:
        """The formula of the mean colour within the reach of a pixel.

        It is given the outputs, what they change by over that reach to the right, and downwards.
        """
        trace = Trace(3 * self.outputs)
        return trace.formula(self._mean(trace))

    @cached_property
    def backwards(self) -> Expression:
        """The formula of gradients by what ``within_reach`` is given.

        It is given that, and the gradients by the channels.
        """
        from neatfool.cppn.derivatives import differentiate  # which drawing does without

        many = 3 * self.outputs
        trace = Trace(many + self.channels)
        results = zip(self._mean(trace), trace.given[many:], strict=True)
        return trace.formula(differentiate(trace, [*results], trace.given[:many]))

    def _mean(self, trace: Trace) -> list[Number]:
        own = self.outputs
        given = [trace.given[start : start + own] for start in range(0, 3 * own, own)]
        totals: list[Number] = [0.0] * self.channels
        for x, y in _POINTS:
            there = [
                value + (x * math.sqrt(2)) * across + (y * math.sqrt(2)) * down
                for value, across, down in zip(*given, strict=True)
            ]
            channels = self.convert(trace, *there)
            totals = [total + part for total, part in zip(totals, channels, strict=True)]
        return [0.25 * total for total in totals]

    def __call__(self, outputs: torch.Tensor) -> torch.Tensor:
        """Map outputs, floats [N, O, P] or [N, O, 3, P] with derivatives, to channels [N, C, P]."""
        import torch

        from neatfool.cppn.torch_formulas import by_torch

        if outputs.dim() == 3:
            return torch.stack(self.at_points.evaluate(by_torch, *outputs.unbind(1)), dim=1)
        given = outputs.transpose(1, 2).flatten(1, 2).unbind(1)
        return torch.stack(self.within_reach.evaluate(by_torch, *given), dim=1)


HALF: Final = 2.0**-10
"""Added to levels before they are rounded: where a ramp makes many exact halves, all go up, and the
last bits of a sum do not decide."""


def quantise(channels: torch.Tensor) -> torch.Tensor:
    """Round channels in [0, 1] to uint8: 255 times the value, to the nearest integer."""
    import torch

    return channels.mul(255.0).round_().to(torch.uint8)


def find_colour_map(
    name: str, *, outputs: int | None = None, channels: int | None = None
) -> ColourMap:
    """Find a colour map for the genomes' outputs and the images' channels; 3 fit grey, too."""
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


def _size(xp: Any, o: Any) -> Any:
    return xp.minimum(xp.absolute(o), 1.0)


def _tint(xp: Any, hue: Any, least: Any, chroma: Any) -> Any:
    """Give red, green and blue of a hue from 0 to 1, up to chroma above the least."""
    turn = 6.0 * hue
    return (
        least + chroma * xp.clip(xp.absolute(turn - 3.0) - 1.0, 0.0, 1.0),
        least + chroma * xp.clip(2.0 - xp.absolute(turn - 2.0), 0.0, 1.0),
        least + chroma * xp.clip(2.0 - xp.absolute(turn - 4.0), 0.0, 1.0),
    )


def _sizes(xp: Any, *outputs: Any) -> Any:
    return tuple(_size(xp, each) for each in outputs)


def _hsv(xp: Any, hue: Any, saturation: Any, value: Any) -> Any:
    value = _size(xp, value)
    chroma = _size(xp, saturation) * value
    return _tint(xp, _size(xp, hue), value - chroma, chroma)


def _oklab(xp: Any, lightness: Any, red: Any, yellow: Any) -> Any:
    light = _size(xp, lightness)
    a, b = (0.2 * xp.clip(each, -1.0, 1.0) for each in (red, yellow))
    cones = [light + green * a + blue * b for green, blue in _CONES]
    cubes = [each * each * each for each in cones]
    linear = [sum(part * cube for part, cube in zip(row, cubes, strict=True)) for row in _LINEAR]
    # The curve of sRGB is nearly a root that begins less steeply.
    roots = (xp.sqrt(xp.clip(each, 0.0, 1.0) + 1e-4) - 0.01 for each in linear)
    return tuple(root * (1 / (math.sqrt(1.0001) - 0.01)) for root in roots)


_CONES: Final = (
    (0.3963377774, 0.2158037573),
    (-0.1055613458, -0.0638541728),
    (-0.0894841775, -1.2914855480),
)
_LINEAR: Final = (
    (4.0767416621, -3.3077115913, 0.2309699292),
    (-1.2684380046, 2.6097574011, -0.3413193965),
    (-0.0041960863, -0.7034186147, 1.7076147010),
)
"""From OKLab to linear sRGB; B. Ottosson, *A perceptual color space for image processing*, 2020."""

COLOUR_MAPS: Mapping[str, ColourMap] = MappingProxyType(
    {
        each.name: each
        for each in (
            ColourMap("grey", ("grey",), 1, _sizes),
            ColourMap("rgb", ("red", "green", "blue"), 3, _sizes),
            ColourMap("hsv", ("hue", "saturation", "value"), 3, _hsv),
            ColourMap("oklab", ("lightness", "green-red", "blue-yellow"), 3, _oklab),
        )
    }
)
"""The colour maps by name.

``grey`` and ``rgb`` take absolute values, as the paper does. ``hsv`` is the paper's map for colour.
``oklab`` has hues that are evenly far apart for the eye: how red (or green) and how yellow (or
blue) a place is are two outputs, and where both are 0 it is grey.
"""
