"""Elementary functions of lanes, without a branch; and formulas as code for lanes.

:mod:`neatfool.cppn.functions.polynomials` says where the numbers come from.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic

from neatfool.compiling import inlined
from neatfool.cppn.compiled.lanes import (
    FLOATS,
    add_ints,
    add_product,
    bits_of,
    flip_bits,
    float_of,
    larger,
    larger_of,
    shift_left,
    shift_right,
    size,
    smaller,
    smaller_of,
    subtract_ints,
    to_float,
    widen,
)
from neatfool.cppn.functions import polynomials

if TYPE_CHECKING:
    from neatfool.cppn.functions.recording import Formula


F = np.float32
I = np.int32  # noqa: E741

# Adding this to a number up to 2^22 rounds it to an integer, which the lowest bits then hold.
_ROUND: Final = F(1.5 * 2**23)
_ONE, _HALF, _ONE_AND_HALF = F(1.0), F(0.5), F(1.5)
_PER_PI: Final = F(1 / np.pi)
_PI: Final = (F(np.pi), F(np.pi - np.float64(F(np.pi))))
_PER_LN2: Final = F(1 / np.log(2))
_ONE_BITS: Final = I(0x3F800000)
_EXPONENT: Final = I(23)
_SIGN: Final = I(31)
# Half of these bits less half of a number's are nearly those of 1 by its square root.
_ROOT_BITS: Final = I(0x5F375A86)
_SQRT_HALF_BITS: Final = I(0x3F3504F3)

_LN2 = tuple(map(F, polynomials.LN2))
_COSINE = tuple(map(F, polynomials.COSINE))
_SINE = tuple(map(F, polynomials.SINE))
_EXP = tuple(map(F, polynomials.EXPONENTIAL))
_EXP_ENDS = tuple(map(F, polynomials.EXPONENTIAL_ENDS))
_LOG = tuple(map(F, polynomials.LOGARITHM))
_ABOVE = tuple(map(F, polynomials.TANH_ABOVE))
_BELOW = tuple(map(F, polynomials.TANH_BELOW))
_TANH_END = F(polynomials.TANH_END)


@inlined
def clip(z: F, low: F, high: F) -> F:
    """Clip as Python's ``max(low, min(high, z))``, which turns NaN into ``high``."""
    return larger(smaller(z, high), low)


@inlined
def round(z: F) -> F:  # noqa: A001
    """Round a number up to 2^22 to the nearest integer."""
    return (z + _ROUND) - _ROUND


@inlined
def rsqrt(z: F) -> F:
    """Give 1 by the square root of z, which is positive and normal."""
    root = float_of(subtract_ints(_ROOT_BITS, shift_right(bits_of(z), I(1))))
    half = _HALF * z
    for _ in range(3):
        root = root * (_ONE_AND_HALF - half * (root * root))
    return root


@inlined
def sqrt(z: F) -> F:
    """Give the square root of z, which is positive and normal."""
    return z * rsqrt(z)


@inlined
def _reduce(z: F) -> tuple[F, F]:
    """Give z less a multiple of pi, and a number whose lowest bit says whether that is odd."""
    turned = z * _PER_PI + _ROUND
    halves = turned - _ROUND
    return add_product(add_product(z, halves, -_PI[0]), halves, -_PI[1]), turned


@inlined
def _flip(value: F, turned: F) -> F:
    return float_of(flip_bits(bits_of(value), shift_left(bits_of(turned), _SIGN)))


@inlined
def sin(z: F) -> F:
    """Give the sine of z, for sizes up to 25,000."""
    r, turned = _reduce(z)
    s = r * r
    p = _SINE[0] + s * (_SINE[1] + s * (_SINE[2] + s * _SINE[3]))
    return _flip(r + (r * s) * p, turned)


@inlined
def cos(z: F) -> F:
    """Give the cosine of z, for sizes up to 25,000."""
    r, turned = _reduce(z)
    s = r * r
    p = _COSINE[0] + s * (_COSINE[1] + s * (_COSINE[2] + s * _COSINE[3]))
    return _flip((_ONE - _HALF * s) + (s * s) * p, turned)


@inlined
def exp(z: F) -> F:
    """Give e to the power of z, for z from -87 to 88; beyond, it stays as it is there."""
    z = clip(z, _EXP_ENDS[0], _EXP_ENDS[1])
    rounded = z * _PER_LN2 + _ROUND
    k = rounded - _ROUND
    r = z - k * _LN2[0]
    r = r - k * _LN2[1]
    p = _EXP[0] + r * (_EXP[1] + r * (_EXP[2] + r * (_EXP[3] + r * _EXP[4])))
    power = float_of(add_ints(shift_left(bits_of(rounded), _EXPONENT), _ONE_BITS))
    return (_ONE + (r + (r * r) * p)) * power


@inlined
def log(z: F) -> F:
    """Give the natural logarithm of z, which is positive and normal."""
    bits = bits_of(z)
    k = shift_right(subtract_ints(bits, _SQRT_HALF_BITS), _EXPONENT)
    f = float_of(subtract_ints(bits, shift_left(k, _EXPONENT))) - _ONE
    p = _LOG[4] + f * (_LOG[5] + f * (_LOG[6] + f * _LOG[7]))
    p = _LOG[0] + f * (_LOG[1] + f * (_LOG[2] + f * (_LOG[3] + f * p)))
    s = f * f
    value = (s * f) * p + to_float(k) * _LN2[1]
    return (f + (value - _HALF * s)) + to_float(k) * _LN2[0]


@inlined
def tanh(z: F) -> F:
    """Give the hyperbolic tangent of z, as a quotient of polynomials."""
    z = clip(z, -_TANH_END, _TANH_END)
    s = z * z
    above = _ABOVE[0] + s * (_ABOVE[1] + s * (_ABOVE[2] + s * (_ABOVE[3] + s * _ABOVE[4])))
    below = _BELOW[0] + s * (_BELOW[1] + s * (_BELOW[2] + s * (_BELOW[3] + s * _BELOW[4])))
    return clip(z * above / below, -_ONE, _ONE)


_INSTRUCTIONS: Final = {"Add": "fadd", "Sub": "fsub", "Mul": "fmul", "Div": "fdiv", "Neg": "fneg"}
_CODE: Final[dict[str, Callable[..., Any]]] = {"Min": smaller_of, "Max": larger_of, "Abs": size}
_FUNCTIONS: Final[dict[str, Any]] = {
    each.py_func.__name__.title(): each
    for each in cast("tuple[Any, ...]", (round, rsqrt, sqrt, exp, log, sin, cos, tanh))
}


def emit(formula: Formula) -> Callable[..., Any]:
    """Make a formula a function of compiled code, which takes a tuple of lanes and gives one."""

    def typed(context: Any, given: Any) -> Any:
        kinds = sorted({kind for kind, _ in formula.steps} & {*_FUNCTIONS})
        callees = {kind: types.Dispatcher(_FUNCTIONS[kind]) for kind in kinds}
        calls = {
            kind: (callee, context.resolve_function_type(callee, (FLOATS,), {}))
            for kind, callee in callees.items()
        }
        result = types.UniTuple(FLOATS, len(formula.results))

        def lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
            def perform(kind: str, *inputs: Any) -> Any:
                lanes = [_widen_number(builder, each) for each in inputs]
                if kind in calls:
                    return context.get_function(*calls[kind])(builder, lanes)
                if kind in _CODE:
                    return _CODE[kind](builder, *lanes)
                if kind == "Step":
                    one, nothing = (_widen_number(builder, each) for each in (1.0, 0.0))
                    return builder.select(builder.fcmp_ordered(">=", *lanes, nothing), one, nothing)
                return getattr(builder, _INSTRUCTIONS[kind])(*lanes)

            results = formula.play(perform, *cgutils.unpack_tuple(builder, values[0]))
            whole = [_widen_number(builder, each) for each in results]
            return context.make_tuple(builder, result, whole)

        return signature(result, given), lower

    return cast("Callable[..., Any]", intrinsic(typed))


def _widen_number(builder: Any, number: Any) -> Any:
    if isinstance(number, float):
        number = ir.Constant(ir.FloatType(), number)
    return widen(builder, number)
