"""Lanes: a block of pixels as one value of compiled code, in place of a loop over pixels.

An operation on lanes applies to each of them. LLVM turns it into several vector instructions in a
row, which keeps the processor's units busy. Each lane is computed alike, so that the bits of a
pixel do not depend on the width of vectors.

The functions take lanes, numbers, or both: a number is the same in all lanes.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, cast

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.imputils import lower_builtin
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, models, register_model

if TYPE_CHECKING:
    import numpy as np

    Code = Callable[..., Any]
    Floats = Callable[..., np.float32]
    Ints = Callable[..., np.int32]

LANES: Final = 64
"""The pixels of one value: four vectors of AVX-512, enough to keep its units busy."""


class LanesType(types.Type):
    """Numba's type of lanes."""

    def __init__(self, element: Any) -> None:
        super().__init__(name=f"Lanes({element})")
        self.element = element


FLOATS: Final = LanesType(types.float32)
"""Lanes of single precision."""
_INTS: Final = LanesType(types.int32)


@register_model(LanesType)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, manager: Any, kind: LanesType) -> None:
        element = manager.lookup(kind.element).get_value_type()
        cast("Code", super().__init__)(manager, kind, ir.VectorType(element, LANES))


def widen(builder: Any, value: Any, count: int = LANES) -> Any:
    """Turn a number into lanes; lanes stay."""
    if isinstance(value.type, ir.VectorType):
        return value
    # Plain numbers in formulas are of double precision.
    if isinstance(value.type, ir.DoubleType):
        value = builder.fptrunc(value, ir.FloatType())
    nothing = ir.Constant(ir.VectorType(value.type, count), ir.Undefined)
    one = builder.insert_element(nothing, value, ir.Constant(ir.IntType(32), 0))
    return _choose(builder, one, [0] * count)


def _choose(builder: Any, value: Any, places: Sequence[int]) -> Any:
    """Give some of a vector's elements."""
    chosen = ir.Constant(ir.VectorType(ir.IntType(32), len(places)), list(places))
    return builder.shuffle_vector(value, ir.Constant(value.type, ir.Undefined), chosen)


def _alike(builder: Any, values: Any) -> list[Any]:
    """Turn all values into lanes if one is."""
    if any(isinstance(value.type, ir.VectorType) for value in values):
        return [widen(builder, value) for value in values]
    return list(values)


def _teach(function: Any, instruction: str) -> None:
    """Teach numba one of Python's operators for lanes of floats."""

    @infer_global(function)
    class _Template(AbstractTemplate):
        def generic(self, arguments: Any, _: Any) -> Any:
            return signature(FLOATS, *arguments) if FLOATS in arguments else None

    def lower(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return getattr(builder, instruction)(*_alike(builder, values))

    cast("Code", lower_builtin(function, FLOATS, FLOATS))(lower)
    for number in (types.float32, types.float64):
        cast("Code", lower_builtin(function, number, FLOATS))(lower)
        cast("Code", lower_builtin(function, FLOATS, number))(lower)
    cast("Code", lower_builtin(function, FLOATS))(lower)


_teach(operator.add, "fadd")
_teach(operator.sub, "fsub")
_teach(operator.mul, "fmul")
_teach(operator.truediv, "fdiv")
_teach(operator.neg, "fneg")


def _kind(arguments: tuple[Any, ...]) -> Any:
    return next((each for each in arguments if isinstance(each, LanesType)), arguments[-1])


def _unary(code: Code, result: dict[Any, Any] | None = None) -> Callable[..., Any]:
    def typed(_: Any, a: Any) -> Any:
        def lower(_: Any, builder: Any, __: Any, values: Any) -> Any:
            return code(builder, *values)

        return signature((result or {}).get(a, a), a), lower

    return cast("Callable[..., Any]", intrinsic(typed))


def _binary(code: Code) -> Callable[..., Any]:
    def typed(_: Any, a: Any, b: Any) -> Any:
        def lower(_: Any, builder: Any, __: Any, values: Any) -> Any:
            return code(builder, *_alike(builder, values))

        return signature(_kind((a, b)), a, b), lower

    return cast("Callable[..., Any]", intrinsic(typed))


def smaller_of(builder: Any, a: Any, b: Any) -> Any:
    """Write a if a < b else b; b if one is NaN."""
    return builder.select(builder.fcmp_ordered("<", a, b), a, b)


def larger_of(builder: Any, a: Any, b: Any) -> Any:
    """Write a if a > b else b; b if one is NaN."""
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


def _as(element: Any) -> Code:
    def code(builder: Any, value: Any) -> Any:
        if isinstance(value.type, ir.VectorType):
            return builder.bitcast(value, ir.VectorType(element, LANES))
        return builder.bitcast(value, element)

    return code


_bits, _float = _as(ir.IntType(32)), _as(ir.FloatType())


def size(builder: Any, value: Any) -> Any:
    """Write the absolute value."""
    bits = _bits(builder, value)
    without_sign = _alike(builder, [bits, ir.Constant(ir.IntType(32), 0x7FFFFFFF)])
    return _float(builder, builder.and_(*without_sign))


def _to_float(builder: Any, value: Any) -> Any:
    if isinstance(value.type, ir.VectorType):
        return builder.sitofp(value, ir.VectorType(ir.FloatType(), LANES))
    return builder.sitofp(value, ir.FloatType())


_TO_INTS = {types.float32: types.int32, FLOATS: _INTS}
_TOFLOATS = {types.int32: types.float32, _INTS: FLOATS}

smaller: Floats = _binary(smaller_of)
"""a if a < b else b; b if one is NaN."""
larger: Floats = _binary(larger_of)
"""a if a > b else b; b if one is NaN."""

bits_of: Ints = _unary(_bits, _TO_INTS)
float_of: Floats = _unary(_float, _TOFLOATS)
to_float: Floats = _unary(_to_float, _TOFLOATS)
add_ints: Ints = _binary(lambda builder, a, b: builder.add(a, b))
subtract_ints: Ints = _binary(lambda builder, a, b: builder.sub(a, b))
flip_bits: Ints = _binary(lambda builder, a, b: builder.xor(a, b))
shift_left: Ints = _binary(lambda builder, a, b: builder.shl(a, b))
shift_right: Ints = _binary(lambda builder, a, b: builder.ashr(a, b))


def _add_product(_: Any, a: Any, b: Any, c: Any) -> Any:
    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        a, b, c = _alike(builder, values)
        lanes = f"v{LANES}" if isinstance(a.type, ir.VectorType) else ""
        kind = ir.FunctionType(a.type, [a.type] * 3)
        fma = cgutils.get_or_insert_function(builder.module, kind, f"llvm.fma.{lanes}f32")
        return builder.call(fma, (b, c, a))

    return signature(_kind((a, b, c)), a, b, c), code


add_product: Floats = intrinsic(_add_product)
"""Give a + b * c, rounded once, on any processor."""


def _spread(_: Any, number: Any) -> Any:
    def code(_: Any, builder: Any, __: Any, values: Any) -> Any:
        return widen(builder, values[0])

    return signature(LanesType(number), number), code


spread: Floats = intrinsic(_spread)
"""Give lanes that all hold a number."""


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
    return builder.bitcast(number, context.get_value_type(FLOATS).as_pointer())


def _load(_: Any, table: Any, row: Any, column: Any) -> Any:
    def code(context: Any, builder: Any, made: Any, values: Any) -> Any:
        return builder.load(_pointer(context, builder, made.args[0], values), align=4)

    return signature(FLOATS, table, row, column), code


load: Floats = intrinsic(_load)
"""Read lanes from a row of a float32 [R, P], beginning at a column."""


def _store(_: Any, table: Any, row: Any, column: Any, lanes: Any) -> Any:
    def code(context: Any, builder: Any, made: Any, values: Any) -> Any:
        builder.store(
            widen(builder, values[3]), _pointer(context, builder, made.args[0], values[:3]), align=4
        )
        return context.get_dummy_value()

    return signature(types.void, table, row, column, lanes), code


store: Callable[..., None] = intrinsic(_store)
"""Write lanes, or a number to all of them, to a row of a float32 [R, P], beginning at a column."""
