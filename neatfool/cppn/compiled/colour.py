"""The colour maps of :mod:`neatfool.cppn.functions.colour`, compiled."""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np

from neatfool.compiling import inlined, inner
from neatfool.cppn.compiled.lanes import bits_of
from neatfool.cppn.functions.colour import COLOUR_MAPS

F = np.float32
_Three: TypeAlias = tuple[np.ndarray, np.ndarray, np.ndarray]
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


@inlined
def _clamped(z: F) -> F:
    """Give the slope of :func:`_unit`: 1 where it changes nothing, else 0."""
    return _ONE if _ZERO <= z <= _ONE else _ZERO


@inlined
def _slope_of_size(z: F) -> F:
    sign = _ONE if z > _ZERO else -_ONE
    return sign * _clamped(abs(z)) if z != _ZERO else _ZERO


@inlined
def _slope_of_tent(turn: F, centre: F, height: F, sign: F) -> F:
    """Give the slope of ``_unit(height + sign * abs(turn - centre))``."""
    apart = turn - centre
    rising = _ONE if apart > _ZERO else -_ONE
    return sign * rising * _clamped(height + sign * abs(apart))


@inlined
def _return_tint(hue: F, chroma: F, red: F, green: F, blue: F) -> tuple[F, F, F]:
    """Turn slopes by the channels into those by :func:`_tint`'s hue, darkest and chroma."""
    turn = hue * F(6.0)
    by_turn = red * _slope_of_tent(turn, F(3.0), -_ONE, _ONE)
    by_turn += green * _slope_of_tent(turn, F(2.0), F(2.0), -_ONE)
    by_turn += blue * _slope_of_tent(turn, F(4.0), F(2.0), -_ONE)
    r, g, b = _tint(hue, _ZERO, _ONE)
    return by_turn * chroma * F(6.0), red + green + blue, red * r + green * g + blue * b


@inner
def _return_sizes(outputs: np.ndarray, slopes: np.ndarray, flow: np.ndarray, width: int) -> None:
    for i in range(width):
        flow[i] += slopes[i] * _slope_of_size(outputs[i])


@inlined
def _return_hsv(signed: bool, h: F, s: F, v: F, red: F, green: F, blue: F) -> tuple[F, F, F]:
    hue = h if h == h else _ZERO  # noqa: PLR0124 - false for NaN
    bent = F(0.5) * _clamped((hue + _ONE) * F(0.5)) if signed else _slope_of_size(hue)
    hue = _unit((hue + _ONE) * F(0.5)) if signed else _size(hue)
    saturation, value = _size(s), _size(v)
    by_hue, by_darkest, by_chroma = _return_tint(hue, saturation * value, red, green, blue)
    by_chroma -= by_darkest
    return (
        by_hue * bent,
        by_chroma * value * _slope_of_size(s),
        (by_darkest + by_chroma * saturation) * _slope_of_size(v),
    )


@inlined
def _return_hls(h: F, l: F, s: F, red: F, green: F, blue: F) -> tuple[F, F, F]:  # noqa: E741
    light, saturation = _size(l), _size(s)
    room = min(light, _ONE - light)
    by_hue, by_darkest, by_chroma = _return_tint(
        _size(h), F(2.0) * saturation * room, red, green, blue
    )
    by_chroma = F(2.0) * by_chroma - by_darkest
    by_room = by_chroma * saturation
    return (
        by_hue * _slope_of_size(h),
        (by_darkest + (by_room if light < F(0.5) else -by_room)) * _slope_of_size(l),
        by_chroma * room * _slope_of_size(s),
    )


@inner
def _return_all_hsv(
    signed: bool, outputs: _Three, slopes: _Three, flows: _Three, width: int
) -> None:
    a, b, c = outputs
    red, green, blue = slopes
    by_h, by_s, by_v = flows
    for i in range(width):
        flow = _return_hsv(signed, a[i], b[i], c[i], red[i], green[i], blue[i])
        by_h[i] += flow[0]
        by_s[i] += flow[1]
        by_v[i] += flow[2]


@inner
def _return_all_hls(outputs: _Three, slopes: _Three, flows: _Three, width: int) -> None:
    a, b, c = outputs
    red, green, blue = slopes
    by_h, by_l, by_s = flows
    for i in range(width):
        flow = _return_hls(a[i], b[i], c[i], red[i], green[i], blue[i])
        by_h[i] += flow[0]
        by_l[i] += flow[1]
        by_s[i] += flow[2]


@inner
def return_colour(
    colour: int,
    values: np.ndarray,
    rows: np.ndarray,
    slopes: np.ndarray,
    start: int,
    flows: np.ndarray,
    width: int,
) -> None:
    """Turn slopes by the channels into slopes by the outputs.

    Args:
        colour: The place of the colour map in ``COLOUR_MAPS``.
        values: float32 [R, >= width], the rows of the outputs and others.
        rows: int64 [O], the row of each output.
        slopes: float32 [C, P], by the channels in [0, 1].
        start: The first pixel in ``slopes``.
        flows: float32 [R, >= width]; those by the outputs are added to the outputs' rows.
        width: The number of pixels.
    """
    stop = start + width
    if colour <= RGB:
        for channel in range(len(slopes)):
            row = rows[channel]
            _return_sizes(values[row], slopes[channel][start:stop], flows[row], width)
        return
    outputs = values[rows[0]], values[rows[1]], values[rows[2]]
    own = slopes[0][start:stop], slopes[1][start:stop], slopes[2][start:stop]
    by_outputs = flows[rows[0]], flows[rows[1]], flows[rows[2]]
    if colour == HLS:
        _return_all_hls(outputs, own, by_outputs, width)
    elif colour == HSV:
        _return_all_hsv(False, outputs, own, by_outputs, width)
    else:
        _return_all_hsv(True, outputs, own, by_outputs, width)
