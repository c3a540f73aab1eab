"""Writes formulas as operations of ONNX.

:class:`Operations` has the functions of numpy that activations and colour maps are written in. Each
adds an operation to a graph, and gives what stands for its result. So ONNX needs no formulas of its
own.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Sequence

OPSET: Final = 17
"""The version of ONNX's operations: of 2022, and all that this needs."""

FORMAT: Final = 8
"""The version of ONNX's file format that goes with it."""


def need_onnx() -> Any:
    """Import onnx.

    Raises:
        ExperimentError: It is not installed.
    """
    try:
        import onnx
        import onnx.helper
        import onnx.numpy_helper
    except ImportError as error:
        raise ExperimentError(
            "ONNX files need the package onnx: run `pip install 'neatfool[onnx]'`"
        ) from error
    return onnx


class Value:
    """Stands for a tensor in a graph."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, graph: Operations, name: str) -> None:
        self.graph = graph
        self.name = name

    def new_full(self, shape: tuple[int, ...], value: float) -> Value:
        """Make a constant of one number."""
        return self.graph.constant(np.full(shape, value, np.float32))

    def __gt__(self, other: float | Value) -> Value:
        return self.graph.add_node("Greater", self, other)

    def __eq__(self, other: object) -> Any:
        return self.graph.add_node("Equal", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.graph.add_node("Sub", other, self)


class Operations:
    """A graph of ONNX that grows; its numbers are float32 unless said.

    The ``out`` of numpy's functions is None here, as for torch.
    """

    def __init__(self) -> None:
        self.onnx = need_onnx()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._known: dict[tuple[str, tuple[int, ...], bytes], Value] = {}

    def constant(self, numbers: Any, dtype: Any = None) -> Value:
        """Add a constant, each only once."""
        array = np.asarray(numbers, dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._known:
            name = f"c{len(self.constants)}"
            self.constants.append(self.onnx.numpy_helper.from_array(array, name))
            self._known[key] = Value(self, name)
        return self._known[key]

    def add_node(
        self, kind: str, *inputs: Any, dtype: Any = np.float32, **attributes: Any
    ) -> Value:
        """Add an operation; plain numbers among its inputs become constants of a dtype."""
        name = f"v{len(self.nodes)}"
        values = [
            each if isinstance(each, Value) else self.constant(each, dtype) for each in inputs
        ]
        self.nodes.append(
            self.onnx.helper.make_node(kind, [each.name for each in values], [name], **attributes)
        )
        return Value(self, name)

    def cast(self, value: Value, dtype: Any) -> Value:
        """Turn a tensor into another type."""
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.add_node("Cast", value, to=to)

    def stack(self, values: Sequence[Value], axis: int = 0) -> Value:
        """Join tensors along a new axis."""
        axes = self.constant([axis], np.int64)
        whole = [self.add_node("Unsqueeze", each, axes) for each in values]
        return self.add_node("Concat", *whole, axis=axis)

    def is_nan(self, a: Value) -> Value:
        """Tell where a number is NaN."""
        return self.add_node("IsNaN", a)

    def add(self, a: Any, b: Any, out: None = None) -> Value:
        """Add."""
        return self.add_node("Add", a, b)

    def subtract(self, a: Any, b: Any, out: None = None) -> Value:
        """Subtract."""
        return self.add_node("Sub", a, b)

    def multiply(self, a: Any, b: Any, out: None = None) -> Value:
        """Multiply."""
        return self.add_node("Mul", a, b)

    def divide(self, a: Any, b: Any, out: None = None) -> Value:
        """Divide."""
        return self.add_node("Div", a, b)

    def minimum(self, a: Any, b: Any, out: None = None) -> Value:
        """Give the smaller; NaN stays."""
        return self.add_node("Min", a, b)

    def maximum(self, a: Any, b: Any, out: None = None) -> Value:
        """Give the larger; NaN stays."""
        return self.add_node("Max", a, b)

    def clip(self, a: Value, low: float, high: float, out: None = None) -> Value:
        """Clip to a range."""
        a = a if math.isinf(low) else self.maximum(a, low)
        return a if math.isinf(high) else self.minimum(a, high)

    def absolute(self, a: Value, out: None = None) -> Value:
        """Give the size."""
        return self.add_node("Abs", a)

    def negative(self, a: Value, out: None = None) -> Value:
        """Change the sign."""
        return self.add_node("Neg", a)

    def reciprocal(self, a: Value, out: None = None) -> Value:
        """Divide 1 by it."""
        return self.add_node("Reciprocal", a)

    def round(self, a: Value, out: None = None) -> Value:
        """Round to the nearest integer, halves to the even one."""
        return self.add_node("Round", a)

    def exp(self, a: Value, out: None = None) -> Value:
        """Give e to its power."""
        return self.add_node("Exp", a)

    def log(self, a: Value, out: None = None) -> Value:
        """Give the natural logarithm."""
        return self.add_node("Log", a)

    def sin(self, a: Value, out: None = None) -> Value:
        """Give the sine."""
        return self.add_node("Sin", a)

    def tanh(self, a: Value, out: None = None) -> Value:
        """Give the hyperbolic tangent."""
        return self.add_node("Tanh", a)

    def where(self, condition: Value, a: Any, b: Any, out: None = None) -> Value:
        """Choose by a condition."""
        return self.add_node("Where", condition, a, b)
