"""Lanes: a block of pixels as one value of compiled code, in place of a loop over pixels.

An operation on lanes applies to each of them. LLVM turns it into several vector instructions in a
row, which keeps the processor's units busy. Each lane is computed alike, so that the bits of a
pixel do not depend on the width of vectors.

Elementary functions have no branch; :mod:`neatfool.cppn.draw.polynomials` says where their
numbers come from.
"""

from collections.abc import Callable
from typing import Any, Final, cast

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import signature
from numba.extending import intrinsic, models, register_model

from neatfool.cppn.draw import polynomials
from neatfool.cppn.formulas import Expression, Number, Recorder, Symbol

Code = Callable[..., Any]
_intrinsic = cast("Callable[[Code], Callable[..., np.float32]]", intrinsic)

LANES: Final = 64
"""The pixels of one value: four vectors of AVX-512, enough to keep its units busy."""

_FLOATS = ir.VectorType(ir.FloatType(), LANES)
_INTS = ir.VectorType(ir.IntType(32), LANES)


class LanesType(types.Type):
    """Numba's type of lanes of single precision."""

    def __init__(self) -> None:
        super().__init__(name="Lanes")


FLOATS: Final = LanesType()


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        cast("Code", super().__init__)(manager, kind, _FLOATS)


def _widen(builder: Any, value: Any) -> Any:
    """Turn a number into lanes; lanes stay."""
    if isinstance(value.type, ir.VectorType):
        return value
    whole = ir.VectorType(value.type, LANES)
    nothing, first = ir.Constant(whole, ir.Undefined), ir.Constant(ir.IntType(32), 0)
    one = builder.insert_element(nothing, value, first)
    places = ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    return builder.shuffle_vector(one, nothing, places)


def _call_fma(builder: Any, a: Any, b: Any, c: Any) -> Any:
    kind = ir.FunctionType(_FLOATS, [_FLOATS] * 3)
    fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.v{LANES}f32")
    return builder.call(fma, (b, c, a))


@_intrinsic
def add_fused(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Give a + b * c of lanes or numbers, rounded once, on any processor."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return _call_fma(builder, *(_widen(builder, value) for value in values))

    return signature(FLOATS, a, b, c), code


@_intrinsic
def add_term(_: Any, a: Any, b: Any, c: Any) -> Any:
    """Give a + b * c of lanes or numbers; the product is rounded, too."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        a, b, c = (_widen(builder, value) for value in values)
        return builder.fadd(a, builder.fmul(b, c))

    return signature(FLOATS, a, b, c), code


@_intrinsic
def spread(_: Any, number: Any) -> Any:
    """Give lanes that all hold a float32."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return _widen(builder, values[0])

    return signature(FLOATS, number), code


@_intrinsic
def bits_of(_: Any, number: Any) -> Any:
    """Give the bits of a float32, an int32."""

    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return builder.bitcast(values[0], ir.IntType(32))

    return signature(types.int32, number), code


def _pointer(context: Any, builder: Any, kind: Any, values: Any) -> Any:
    table, row, column = values
    made = context.make_array(kind)(context, builder, table)
    stride = cgutils.unpack_tuple(builder, made.strides)[0]
    if row.type.width < stride.type.width:
        row = builder.sext(row, stride.type)
    line = builder.gep(
        builder.bitcast(made.data, ir.IntType(8).as_pointer()), [builder.mul(row, stride)]
    )
    number = builder.gep(builder.bitcast(line, ir.FloatType().as_pointer()), [column])
    return builder.bitcast(number, _FLOATS.as_pointer())


@_intrinsic
def load(_: Any, table: Any, row: Any, column: Any) -> Any:
    """Read lanes from a row of a float32 [R, P], beginning at a column."""

    def code(context: Any, builder: Any, made: Any, values: Any) -> Any:
        return builder.load(_pointer(context, builder, made.args[0], values), align=4)

    return signature(FLOATS, table, row, column), code


@_intrinsic
def store(_: Any, table: Any, row: Any, column: Any, lanes: Any) -> Any:
    """Write lanes, or a number to all of them, to a row of a float32 [R, P], from a column on."""

    def code(context: Any, builder: Any, made: Any, values: Any) -> Any:
        place = _pointer(context, builder, made.args[0], values[:3])
        builder.store(_widen(builder, values[3]), place, align=4)
        return context.get_dummy_value()

    return signature(types.void, table, row, column, lanes), code


class _Emitter(Recorder):
    """Writes each operation as instructions for lanes."""

    def __init__(self, builder: Any) -> None:
        super().__init__()
        self._builder = builder

    def write(self, kind: str, *inputs: Number) -> Symbol:
        if kind in _ELEMENTARY:
            return cast("Symbol", _ELEMENTARY[kind](self, *inputs))
        return Symbol(self, _CODE[kind](self._builder, *map(self.lanes, inputs)))

    def lanes(self, number: Number) -> Any:
        """Give the lanes of a value or a number; integers belong to operations on bits."""
        if isinstance(number, Symbol):
            return number.name
        kind = ir.IntType(32) if isinstance(number, int) else ir.FloatType()
        return _widen(self._builder, ir.Constant(kind, number))

    def add_product(self, a: Any, b: Any, c: Any) -> Any:
        """Give a + b * c, rounded once."""
        return self.record("AddProduct", a, b, c)

    def polynomial(self, coefficients: tuple[float, ...], z: Any) -> Any:
        """Give a polynomial, whose coefficients begin with the constant term."""
        *first, total = map(_single, coefficients)
        for each in reversed(first):
            total = each + z * total
        return total


def _single(number: float) -> float:
    return float(np.float32(number))


# Adding this to a number up to 2^22 rounds it to an integer, which the lowest bits then hold.
_ROUND: Final = 1.5 * 2**23
_PER_PI: Final = _single(1 / np.pi)
_PI: Final = _single(np.pi), _single(np.pi - _single(np.pi))
_PER_LN2: Final = _single(1 / np.log(2))
_LN2: Final = tuple(map(_single, polynomials.LN2))
_ROUND_BITS: Final = 0x4B400000
_ONE_BITS: Final = 0x3F800000
_EXPONENT: Final = 23
# Half of these bits less half of a number's are nearly those of 1 by its square root.
_ROOT_BITS: Final = 0x5F375A86


def _rsqrt(xp: _Emitter, z: Any) -> Any:
    """Give 1 by the square root of z, which is positive and normal."""
    bits = xp.record("SubtractBits", _ROOT_BITS, xp.record("ShiftRight", xp.record("Bits", z), 1))
    root, half = xp.record("Float", bits), 0.5 * z
    for _ in range(3):
        root = root * (1.5 - half * (root * root))
    return root


def _wave(xp: _Emitter, z: Any, *, cosine: bool) -> Any:
    """Give the sine or the cosine of z, for sizes up to 25,000."""
    # z less a multiple of pi; the lowest bit of the other number says whether that is odd.
    turned = z * _PER_PI + _ROUND
    halves = turned - _ROUND
    r = xp.add_product(xp.add_product(z, halves, -_PI[0]), halves, -_PI[1])
    s = r * r
    p = xp.polynomial(polynomials.COSINE if cosine else polynomials.SINE, s)
    value = (1.0 - 0.5 * s) + (s * s) * p if cosine else r + (r * s) * p
    sign = xp.record("ShiftLeft", xp.record("Bits", turned), 31)
    return xp.record("Float", xp.record("Flip", xp.record("Bits", value), sign))


def _exp(xp: _Emitter, z: Any) -> Any:
    """Give e to the power of z, for z from -87 to 88; beyond, it stays as it is there."""
    low, high = polynomials.EXPONENTIAL_ENDS
    z = xp.maximum(xp.minimum(z, high), low)
    rounded = z * _PER_LN2 + _ROUND
    k = rounded - _ROUND
    r = z - k * _LN2[0]
    r = r - k * _LN2[1]
    p = xp.polynomial(polynomials.EXPONENTIAL, r)
    bits = xp.record("ShiftLeft", xp.record("Bits", rounded), _EXPONENT)
    power = xp.record("Float", xp.record("AddBits", bits, _ONE_BITS))
    return (1.0 + (r + (r * r) * p)) * power


def _log(xp: _Emitter, z: Any) -> Any:
    """Give the natural logarithm of z, which is positive and normal."""
    bits = xp.record("SubtractBits", xp.record("Bits", z), polynomials.ROOT_BITS)
    whole = xp.record("ShiftRight", bits, _EXPONENT)
    # An integer in the lowest bits of the number that rounds is that number and the integer.
    k = xp.record("Float", xp.record("AddBits", whole, _ROUND_BITS)) - _ROUND
    rest = xp.record("And", bits, 0x7FFFFF)
    m = xp.record("Float", xp.record("AddBits", rest, polynomials.ROOT_BITS))
    t = (m - 1.0) / (m + 1.0)
    s = t * t
    p = xp.polynomial(polynomials.LOGARITHM, s)
    return k * _LN2[0] + (2.0 * t + ((t * s) * p + k * _LN2[1]))


def _tanh(xp: _Emitter, z: Any) -> Any:
    """Give the hyperbolic tangent of z, as a quotient of polynomials."""
    end = _single(polynomials.TANH_END)
    z = xp.maximum(xp.minimum(z, end), -end)
    s = z * z
    above = xp.polynomial(polynomials.TANH_ABOVE, s)
    below = xp.polynomial(polynomials.TANH_BELOW, s)
    return xp.maximum(xp.minimum(z * above / below, 1.0), -1.0)


_ELEMENTARY: Final[dict[str, Code]] = {
    "Round": lambda xp, z: (z + _ROUND) - _ROUND,  # up to 2^22
    "Rsqrt": _rsqrt,
    "Sqrt": lambda xp, z: z * xp.rsqrt(z),
    "Sin": lambda xp, z: _wave(xp, z, cosine=False),
    "Cos": lambda xp, z: _wave(xp, z, cosine=True),
    "Exp": _exp,
    "Log": _log,
    "Tanh": _tanh,
    "Step": lambda xp, z: xp.record("Select", z, 0.0, 1.0, 0.0),
    "Abs": lambda xp, z: xp.record("Float", xp.record("And", xp.record("Bits", z), 0x7FFFFFFF)),
}


def _choose(sign: str) -> Code:
    """Write a choice by a comparison: of the compared values, or of two others."""

    def code(builder: Any, a: Any, b: Any, *others: Any) -> Any:
        return builder.select(builder.fcmp_ordered(sign, a, b), *(others or (a, b)))

    return code


_INSTRUCTIONS: Final = {
    **{"Add": "fadd", "Sub": "fsub", "Mul": "fmul", "Div": "fdiv", "Neg": "fneg"},
    **{"AddBits": "add", "SubtractBits": "sub", "Flip": "xor", "And": "and_"},
    **{"ShiftLeft": "shl", "ShiftRight": "ashr"},
}
_CODE: Final[dict[str, Code]] = {
    **{kind: getattr(ir.IRBuilder, name) for kind, name in _INSTRUCTIONS.items()},
    # Where one is NaN, the smaller and the larger are b.
    **{"Min": _choose("<"), "Max": _choose(">"), "Select": _choose(">=")},
    "Bits": lambda builder, z: builder.bitcast(z, _INTS),
    "Float": lambda builder, bits: builder.bitcast(bits, _FLOATS),
    "AddProduct": _call_fma,
}


def emit(formula: Expression) -> Callable[..., Any]:
    """Make a formula a function of compiled code, which takes a tuple of lanes and gives one."""

    def typed(_: Any, given: Any) -> Any:
        result = types.UniTuple(FLOATS, len(formula.results))

        # The formula is evaluated once, when a caller is compiled: each of its operations adds its
        # instructions to the caller's code.
        def lower(context: Any, builder: Any, _: Any, values: Any) -> Any:
            emitter = _Emitter(builder)
            lanes = [Symbol(emitter, each) for each in cgutils.unpack_tuple(builder, values[0])]
            found = [emitter.lanes(each) for each in formula.evaluate(emitter.record, *lanes)]
            return context.make_tuple(builder, result, found)

        return signature(result, given), lower

    return cast("Callable[..., Any]", intrinsic(typed))
