"""The colour maps of :mod:`neatfool.cppn.functions.colour`, compiled."""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.compiled.jit import inner
from neatfool.cppn.compiled.lanes import bits_of
from neatfool.cppn.functions.colour import COLOUR_MAPS

F = np.float32
_ZERO, _ONE = F(0.0), F(1.0)
# Adding this rounds to an integer, and the lowest bits hold that integer.
_ROUND: Final = F(1.5 * 2**23)

GREY, RGB, HSV, HSV_SIGNED_HUE, HLS = range(5)
assert tuple(COLOUR_MAPS) == ("grey", "rgb", "hsv", "hsv_signed_hue", "hls")


@inner
def _unit(z: F) -> F:
    """Clamp to [0, 1]; NaN becomes 0."""
    z = z if z > _ZERO else _ZERO
    return z if z < _ONE else _ONE


@inner
def _size(z: F) -> F:
    return _unit(abs(z))


@inner
def _byte(channel: F) -> np.uint8:
    return np.uint8(bits_of(channel * F(255.0) + _ROUND))


@inner
def _tint(hue: F, darkest: F, chroma: F) -> tuple[F, F, F]:
    turn = hue * F(6.0)
    red = _unit(abs(turn - F(3.0)) - _ONE)
    green = _unit(F(2.0) - abs(turn - F(2.0)))
    blue = _unit(F(2.0) - abs(turn - F(4.0)))
    return red * chroma + darkest, green * chroma + darkest, blue * chroma + darkest


@inner
def _write_sizes(outputs: np.ndarray, image: np.ndarray, width: int) -> None:
    for i in range(width):
        image[i] = _byte(_size(outputs[i]))


@inner
def _write_hsv(
    h: np.ndarray, s: np.ndarray, v: np.ndarray, image: np.ndarray, width: int, signed: bool
) -> None:
    red, green, blue = image[0], image[1], image[2]
    for i in range(width):
        # NaN counts as 0, and the signed hue of 0 is one half.
        hue = h[i] if h[i] == h[i] else _ZERO
        hue = _unit((hue + _ONE) * F(0.5)) if signed else _size(hue)
        value = _size(v[i])
        chroma = _size(s[i]) * value
        r, g, b = _tint(hue, value - chroma, chroma)
        red[i], green[i], blue[i] = _byte(r), _byte(g), _byte(b)


@inner
def _write_hls(h: np.ndarray, l: np.ndarray, s: np.ndarray, image: np.ndarray, width: int) -> None:  # noqa: E741
    red, green, blue = image[0], image[1], image[2]
    for i in range(width):
        light = _size(l[i])
        chroma = _size(s[i]) * min(light, _ONE - light)
        r, g, b = _tint(_size(h[i]), light - chroma, chroma * F(2.0))
        red[i], green[i], blue[i] = _byte(r), _byte(g), _byte(b)


@inner
def paint(colour: int, values: np.ndarray, rows: np.ndarray, image: np.ndarray, width: int) -> None:
    """Write the bytes of an image.

    Args:
        colour: The place of the colour map in ``COLOUR_MAPS``.
        values: float32 [R, P], the rows of the outputs and others.
        rows: int32 [O], the row of each output.
        image: uint8 [C, P], to write to.
        width: The number of pixels.
    """
    if colour <= RGB:
        for channel in range(len(image)):
            _write_sizes(values[rows[channel]], image[channel], width)
        return
    first, second, third = values[rows[0]], values[rows[1]], values[rows[2]]
    if colour == HLS:
        _write_hls(first, second, third, image, width)
    elif colour == HSV:
        _write_hsv(first, second, third, image, width, False)
    else:
        _write_hsv(first, second, third, image, width, True)
