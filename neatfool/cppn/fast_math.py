"""Elementary functions of one float32, without a branch, so that loops over them are vectorised.

Each reduces its argument to a small range and has a polynomial there, whose coefficients minimise
the largest relative error (Lawson's algorithm). Errors are a few units in the last place.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from neatfool.cppn.jit import bits_of, float_of, inner

F = np.float32
I = np.int32  # noqa: E741

# Adding this to a number of at most 2^22 rounds it to an integer, which its lowest bits then are.
_ROUND: Final = F(1.5 * 2**23)
_ONE, _HALF = F(1.0), F(0.5)

_PER_PI: Final = F(1 / np.pi)
# Pi in three parts, the first two of few bits: their products with small integers are exact.
_PI: Final = (F(3.140625), F(9.67502593994140625e-4), F(1.509957990978376432e-7))
_SINE: Final = (F(-0.1666666), F(0.008333065), F(-0.00019809474), F(2.6054813e-06))
SINE_LIMIT: Final = F(25000.0)
"""Up to which size of argument :func:`sine` is right."""

_PER_LN2: Final = F(1 / np.log(2))
_LN2: Final = (F(0.693359375), F(-2.12194440e-4))
_EXP: Final = (F(0.49999994), F(0.16666515), F(0.041668456), F(0.008369419), F(0.0013813145))

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


@inner
def clamp(z: F, low: F, high: F) -> F:
    """Clamp as Python's ``max(low, min(high, z))`` does, which takes NaN to ``high``."""
    z = z if z < high else high
    return z if z > low else low


@inner
def _clamp_but_nan(z: F, low: F, high: F) -> F:
    z = high if z > high else z
    return low if z < low else z


@inner
def sine(z: F) -> F:
    """Give the sine of z, for abs(z) up to ``SINE_LIMIT``."""
    turned = z * _PER_PI + _ROUND
    halves = turned - _ROUND
    r = z - halves * _PI[0]
    r = r - halves * _PI[1]
    r = r - halves * _PI[2]
    s = r * r
    p = _SINE[0] + s * (_SINE[1] + s * (_SINE[2] + s * _SINE[3]))
    value = r + (r * s) * p
    sign = I(bits_of(turned) << I(31))
    flipped: F = float_of(I(bits_of(value) ^ sign))
    return flipped


@inner
def _power_of_two(rounded: F) -> F:
    """Give 2^k, for k from -126 to 127 that was rounded by adding ``_ROUND``."""
    power: F = float_of(I(I(bits_of(rounded) << I(23)) + I(0x3F800000)))
    return power


@inner
def _reduced_exp(z: F, k: F) -> F:
    """Give exp(z) / 2^k, which is about one."""
    r = z - k * _LN2[0]
    r = r - k * _LN2[1]
    p = _EXP[0] + r * (_EXP[1] + r * (_EXP[2] + r * (_EXP[3] + r * _EXP[4])))
    return _ONE + (r + (r * r) * p)


@inner
def moderate_exp(z: F) -> F:
    """Give e to the power of z, for z from -87 to 88."""
    rounded = z * _PER_LN2 + _ROUND
    return _reduced_exp(z, rounded - _ROUND) * _power_of_two(rounded)


@inner
def exp(z: F) -> F:
    """Give e to the power of z, for any z; infinity and subnormal numbers are right."""
    z = _clamp_but_nan(z, F(-104.0), F(89.0))
    k = (z * _PER_LN2 + _ROUND) - _ROUND
    # In two factors, as 2^k alone may be too large or too small.
    rounded = k * _HALF + _ROUND
    rest = (k - (rounded - _ROUND)) + _ROUND
    return _reduced_exp(z, k) * _power_of_two(rounded) * _power_of_two(rest)


@inner
def log(z: F) -> F:
    """Give the natural logarithm of z: positive and normal, or infinity."""
    bits = bits_of(z)
    k = I(I(bits - _SQRT_HALF_BITS) >> I(23))
    f = float_of(I(bits - I(k << I(23)))) - _ONE
    p = _LOG[4] + f * (_LOG[5] + f * (_LOG[6] + f * _LOG[7]))
    p = _LOG[0] + f * (_LOG[1] + f * (_LOG[2] + f * (_LOG[3] + f * p)))
    s = f * f
    value = (s * f) * p + F(k) * _LN2[1]
    value = (f + (value - _HALF * s)) + F(k) * _LN2[0]
    return z if z == F(np.inf) else value


@inner
def tanh(z: F) -> F:
    """Give the hyperbolic tangent of z: a quotient of polynomials, until it is 1."""
    z = _clamp_but_nan(z, -_TANH_LIMIT, _TANH_LIMIT)
    s = z * z
    a, b = _TANH_ABOVE, _TANH_BELOW
    above = a[0] + s * (a[1] + s * (a[2] + s * (a[3] + s * a[4])))
    below = _ONE + s * (b[0] + s * (b[1] + s * (b[2] + s * b[3])))
    return _clamp_but_nan(z * above / below, -_ONE, _ONE)
