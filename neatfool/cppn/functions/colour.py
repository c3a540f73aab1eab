"""Colour maps turn the outputs of a CPPN into the channels of an image.

A colour is the last activation: it is the mean over the colours that a pixel's outputs have, given
their means and variances. So fast hue is grey. Like the formulas of activations, those of colour
maps are written once, for all that draws.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.cppn.functions.rules import mean_size, side
from neatfool.errors import ExperimentError, nearest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    Convert = Callable[[Any, Sequence[Any], Sequence[Any]], Any]
    Back = Callable[[Any, Sequence[Any], Sequence[Any], Sequence[Any]], Any]

STEEP: Final = 1e9
"""Turns a number into the choice between two: all but the smallest numbers times this are large."""

LARGEST: Final = 16.0
"""The largest size of an output that makes a difference."""


@dataclass(frozen=True)
class ColourMap:
    """How outputs become channels.

    Attributes:
        name: Its name in experiments.
        labels: The meaning of each output, in their order.
        channels: The number of channels: 1 (grey) or 3 (RGB).
        convert: ``convert(xp, means, variances)`` gives a tuple of the channels, in [0, 1]; ``xp``
            has the functions of arrays, see :mod:`neatfool.cppn.functions.rules`.
        back: ``back(xp, means, variances, slopes)`` turns slopes by the channels into a tuple of
            those by the means.
    """

    name: str
    labels: tuple[str, ...]
    channels: int
    convert: Convert
    back: Back

    @property
    def outputs(self) -> int:
        """The number of outputs that it takes."""
        return len(self.labels)

    def __call__(self, means: torch.Tensor, variances: torch.Tensor) -> torch.Tensor:
        """Map outputs to channels.

        Args:
            means: Floats [N, O, P].
            variances: Floats [N, O, P], or [O].

        Returns:
            Floats [N, C, P] in [0, 1], differentiable by the outputs.
        """
        spreads = variances.unbind(1 if variances.dim() > 1 else 0)
        return torch.stack([*self.convert(torch, means.unbind(1), spreads)], dim=1)


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


def _size(xp: Any, o: Any, v: Any) -> Any:
    """Give the mean of min(|o|, 1)."""
    o = xp.clip(o, -LARGEST, LARGEST)
    beyond = 0.5 * (mean_size(xp, o - 1.0, v) + mean_size(xp, o + 1.0, v))
    return xp.clip(mean_size(xp, o, v) - beyond + 1.0, 0.0, 1.0)


def _size_slope(xp: Any, o: Any, v: Any) -> Any:
    return side(xp, o, v) - 0.5 * (side(xp, o - 1.0, v) + side(xp, o + 1.0, v))


def _fade(xp: Any, v: Any, turns: float) -> Any:
    """Give how much is left of a hue that makes so many turns for 1 of its output."""
    return xp.exp((-2.0 * (math.pi * turns) ** 2) * v)


def _hue(xp: Any, o: Any) -> Any:
    return xp.clip(0.5 * o + 0.5, 0.0, 1.0)


def _between(xp: Any, z: Any) -> Any:
    """Give 1 where z is from 0 to 1, both included, and else 0."""
    return xp.clip(z * STEEP + 1.0, 0.0, 1.0) * xp.clip((1.0 - z) * STEEP + 1.0, 0.0, 1.0)


def _pure(xp: Any, hue: Any) -> Any:
    """Give the colour of a hue: red, green and blue, from -1/2 to 1/2."""
    turn = 6.0 * hue
    return (
        xp.clip(xp.absolute(turn - 3.0) - 1.0, 0.0, 1.0) - 0.5,
        xp.clip(2.0 - xp.absolute(turn - 2.0), 0.0, 1.0) - 0.5,
        xp.clip(2.0 - xp.absolute(turn - 4.0), 0.0, 1.0) - 0.5,
    )


def _along(xp: Any, hue: Any, slopes: Sequence[Any]) -> Any:
    """Give the slope by the hue of a pure colour, given those by its channels."""
    red, green, blue = 6.0 * hue - 3.0, 6.0 * hue - 2.0, 6.0 * hue - 4.0
    rise = slopes[0] * xp.clip(red * STEEP, -1.0, 1.0) * _between(xp, xp.absolute(red) - 1.0)
    fall = slopes[1] * xp.clip(green * STEEP, -1.0, 1.0) * _between(xp, 2.0 - xp.absolute(green))
    rest = slopes[2] * xp.clip(blue * STEEP, -1.0, 1.0) * _between(xp, 2.0 - xp.absolute(blue))
    return 6.0 * (rise - fall - rest)


def _tint(xp: Any, hue: Any, middle: Any, chroma: Any) -> Any:
    """Give red, green and blue of a hue, within chroma / 2 of the middle."""
    red, green, blue = _pure(xp, hue)
    return middle + chroma * red, middle + chroma * green, middle + chroma * blue


def _grey(xp: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    return (_size(xp, o[0], v[0]),)


def _grey_back(xp: Any, o: Sequence[Any], v: Sequence[Any], slopes: Sequence[Any]) -> Any:
    return (slopes[0] * _size_slope(xp, o[0], v[0]),)


def _rgb(xp: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    return _size(xp, o[0], v[0]), _size(xp, o[1], v[1]), _size(xp, o[2], v[2])


def _rgb_back(xp: Any, o: Sequence[Any], v: Sequence[Any], slopes: Sequence[Any]) -> Any:
    return (
        slopes[0] * _size_slope(xp, o[0], v[0]),
        slopes[1] * _size_slope(xp, o[1], v[1]),
        slopes[2] * _size_slope(xp, o[2], v[2]),
    )


def _from_hsv(xp: Any, hue: Any, fade: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    value = _size(xp, o[2], v[2])
    chroma = _size(xp, o[1], v[1]) * value
    return _tint(xp, hue, value - 0.5 * chroma, fade * chroma)


def _hsv(xp: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    return _from_hsv(xp, _size(xp, o[0], v[0]), _fade(xp, v[0], 1.0), o, v)


def _hsv_signed_hue(xp: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    return _from_hsv(xp, _hue(xp, o[0]), _fade(xp, v[0], 0.5), o, v)


def _back_to_hsv(
    xp: Any, of_hue: tuple[Any, Any, Any], o: Sequence[Any], v: Sequence[Any], by: Sequence[Any]
) -> Any:
    """Give the slopes of what :func:`_from_hsv` gives, with a hue, its own slope, and its fade."""
    hue, bend, fade = of_hue
    saturation, value = _size(xp, o[1], v[1]), _size(xp, o[2], v[2])
    red, green, blue = _pure(xp, hue)
    by_middle = by[0] + by[1] + by[2]
    by_chroma = fade * (by[0] * red + by[1] * green + by[2] * blue) - 0.5 * by_middle
    return (
        fade * saturation * value * _along(xp, hue, by) * bend,
        value * by_chroma * _size_slope(xp, o[1], v[1]),
        (by_middle + saturation * by_chroma) * _size_slope(xp, o[2], v[2]),
    )


def _hsv_back(xp: Any, o: Sequence[Any], v: Sequence[Any], slopes: Sequence[Any]) -> Any:
    hue = _size(xp, o[0], v[0]), _size_slope(xp, o[0], v[0]), _fade(xp, v[0], 1.0)
    return _back_to_hsv(xp, hue, o, v, slopes)


def _signed_back(xp: Any, o: Sequence[Any], v: Sequence[Any], slopes: Sequence[Any]) -> Any:
    bend = 0.5 * _between(xp, 0.5 * o[0] + 0.5)
    return _back_to_hsv(xp, (_hue(xp, o[0]), bend, _fade(xp, v[0], 0.5)), o, v, slopes)


def _hls(xp: Any, o: Sequence[Any], v: Sequence[Any]) -> Any:
    lightness = _size(xp, o[1], v[1])
    chroma = _size(xp, o[2], v[2]) * (1.0 - xp.absolute(2.0 * lightness - 1.0))
    return _tint(xp, _size(xp, o[0], v[0]), lightness, _fade(xp, v[0], 1.0) * chroma)


def _hls_back(xp: Any, o: Sequence[Any], v: Sequence[Any], slopes: Sequence[Any]) -> Any:
    hue, lightness, saturation = _rgb(xp, o, v)
    red, green, blue = _pure(xp, hue)
    off, fade = 2.0 * lightness - 1.0, _fade(xp, v[0], 1.0)
    by_chroma = fade * (slopes[0] * red + slopes[1] * green + slopes[2] * blue)
    by_lightness = slopes[0] + slopes[1] + slopes[2]
    by_lightness = by_lightness - 2.0 * by_chroma * saturation * xp.clip(off * STEEP, -1.0, 1.0)
    room = 1.0 - xp.absolute(off)
    return (
        fade * saturation * room * _along(xp, hue, slopes) * _size_slope(xp, o[0], v[0]),
        by_lightness * _size_slope(xp, o[1], v[1]),
        by_chroma * room * _size_slope(xp, o[2], v[2]),
    )


_HSV: Final = ("hue", "saturation", "value")

COLOUR_MAPS: Mapping[str, ColourMap] = MappingProxyType(
    {
        each.name: each
        for each in (
            ColourMap("grey", ("grey",), 1, _grey, _grey_back),
            ColourMap("rgb", ("red", "green", "blue"), 3, _rgb, _rgb_back),
            ColourMap("hsv", _HSV, 3, _hsv, _hsv_back),
            ColourMap("hsv_signed_hue", _HSV, 3, _hsv_signed_hue, _signed_back),
            ColourMap("hls", ("hue", "lightness", "saturation"), 3, _hls, _hls_back),
        )
    }
)
"""The colour maps by name.

``grey`` and ``rgb`` take absolute values, as the paper does. ``hsv`` is the paper's map for colour,
``hls`` that of its original code. ``hsv_signed_hue`` has the hue (o + 1) / 2, so that the sign of
the output matters too.
"""
