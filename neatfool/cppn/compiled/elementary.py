"""Elementary functions of one float32, or of lanes of them, without a branch.

Each reduces its argument to a small range and uses a polynomial there. Its coefficients minimise
the largest relative error (Lawson's algorithm), which is a few units in the last place.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.compiling import inlined
from neatfool.cppn.compiled.lanes import (
    add_ints,
    add_product,
    bits_of,
    flip_bits,
    float_of,
    larger,
    shift_left,
    shift_right,
    smaller,
    subtract_ints,
    to_float,
    where_equal,
)

F = np.float32
I = np.int32  # noqa: E741

# Adding this to a number up to 2^22 rounds it to an integer, which the lowest bits then hold.
_ROUND: Final = F(1.5 * 2**23)
_ONE, _HALF = F(1.0), F(0.5)

_PER_PI: Final = F(1 / np.pi)
_PI: Final = (F(np.pi), F(np.pi - np.float64(F(np.pi))))
_SINE: Final = (F(-0.1666666), F(0.008333065), F(-0.00019809474), F(2.6054813e-06))
SINE_LIMIT: Final = F(25000.0)
"""The largest size of argument for which :func:`sine` is right."""

_PER_LN2: Final = F(1 / np.log(2))
_LN2: Final = (F(0.693359375), F(-2.12194440e-4))
_EXP: Final = (F(0.49999994), F(0.16666515), F(0.041668456), F(0.008369419), F(0.0013813145))
# The polynomial of 2^f, for f from -1/2 to 1/2.
_POWER: Final = (F(0.693147), F(0.24022242), F(0.055507336), F(0.009671513), F(0.0013264727))
_DECAY_LIMIT: Final = F(88.0)
_ONE_BITS: Final = I(0x3F800000)
_EXPONENT: Final = I(23)
_SIGN: Final = I(31)

_SQRT_HALF_BITS: Final = I(0x3F3504F3)
_LOG: Final = (
    F(0.3333333),
    F(-0.2500082),
    F(0.20001227),
    F(-0.16623357),
    F(0.14201757),
    F(-0.13160183),
    F(0.12761582),
    F(-0.076345004),
)

_TANH_ABOVE: Final = (
    F(0.99999998),
    F(0.13379711),
    F(3.4940259e-3),
    F(2.0583339e-5),
    F(1.3318875e-8),
)
_TANH_BELOW: Final = (F(0.46713026), F(0.025871040), F(3.2830787e-4), F(7.7619389e-7))
_TANH_LIMIT: Final = F(9.02)
# The same for half an argument: dividing by powers of two does not round.
_HALF_ABOVE: Final = tuple(F(each / (2 * 4**k)) for k, each in enumerate(_TANH_ABOVE))
_HALF_BELOW: Final = tuple(F(each / (4 * 4**k)) for k, each in enumerate(_TANH_BELOW))
_HALF_LIMIT: Final = F(2.0) * _TANH_LIMIT


@inlined
def clamp(z: F, low: F, high: F) -> F:
    """Clamp as Python's ``max(low, min(high, z))``, which turns NaN into ``high``."""
    return larger(smaller(z, high), low)


@inlined
def _clamp_but_nan(z: F, low: F, high: F) -> F:
    return larger(low, smaller(high, z))


@inlined
def sine(z: F) -> F:
    """Give the sine of z, for abs(z) up to ``SINE_LIMIT``."""
    turned = z * _PER_PI + _ROUND
    halves = turned - _ROUND
    r = add_product(add_product(z, halves, -_PI[0]), halves, -_PI[1])
    s = r * r
    p = _SINE[0] + s * (_SINE[1] + s * (_SINE[2] + s * _SINE[3]))
    value = r + (r * s) * p
    return float_of(flip_bits(bits_of(value), shift_left(bits_of(turned), _SIGN)))


@inlined
def _power_of_two(rounded: F) -> F:
    """Give 2^k for k from -126 to 127, rounded by adding ``_ROUND``; 0 for k = -127."""
    return float_of(add_ints(shift_left(bits_of(rounded), _EXPONENT), _ONE_BITS))


@inlined
def moderate_exp(z: F) -> F:
    """Give e to the power of z, for z from -87 to 88."""
    rounded = z * _PER_LN2 + _ROUND
    k = rounded - _ROUND
    r = z - k * _LN2[0]
    r = r - k * _LN2[1]
    p = _EXP[0] + r * (_EXP[1] + r * (_EXP[2] + r * (_EXP[3] + r * _EXP[4])))
    return (_ONE + (r + (r * r) * p)) * _power_of_two(rounded)


@inlined
def decay(z: F) -> F:
    """Give e to the power of -z, to within 1e-7, for any z >= 0; below 1e-38 it is 0."""
    z = smaller(_DECAY_LIMIT, z)
    rounded = z * -_PER_LN2 + _ROUND
    f = z * -_PER_LN2 - (rounded - _ROUND)
    a = _POWER
    p = _ONE + f * (a[0] + f * (a[1] + f * (a[2] + f * (a[3] + f * a[4]))))
    return p * _power_of_two(rounded)


@inlined
def log(z: F) -> F:
    """Give the natural logarithm of z: positive and normal, or infinity."""
    bits = bits_of(z)
    k = shift_right(subtract_ints(bits, _SQRT_HALF_BITS), _EXPONENT)
    f = float_of(subtract_ints(bits, shift_left(k, _EXPONENT))) - _ONE
    p = _LOG[4] + f * (_LOG[5] + f * (_LOG[6] + f * _LOG[7]))
    p = _LOG[0] + f * (_LOG[1] + f * (_LOG[2] + f * (_LOG[3] + f * p)))
    s = f * f
    value = (s * f) * p + to_float(k) * _LN2[1]
    value = (f + (value - _HALF * s)) + to_float(k) * _LN2[0]
    return where_equal(z, F(np.inf), z, value)


@inlined
def tanh(z: F) -> F:
    """Give the hyperbolic tangent of z, as a quotient of polynomials."""
    return _tanh(z, _TANH_ABOVE, _TANH_BELOW, _TANH_LIMIT)


@inlined
def tanh_of_half(z: F) -> F:
    """Give the same bits as ``tanh(z / 2)``, with one multiplication less."""
    return _tanh(z, _HALF_ABOVE, _HALF_BELOW, _HALF_LIMIT)


@inlined
def _tanh(z: F, a: tuple[F, ...], b: tuple[F, ...], limit: F) -> F:
    z = _clamp_but_nan(z, -limit, limit)
    s = z * z
    above = a[0] + s * (a[1] + s * (a[2] + s * (a[3] + s * a[4])))
    below = _ONE + s * (b[0] + s * (b[1] + s * (b[2] + s * b[3])))
    return _clamp_but_nan(z * above / below, -_ONE, _ONE)
