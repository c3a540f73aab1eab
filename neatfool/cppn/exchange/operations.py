"""Writes formulas as operations of ONNX; see :mod:`neatfool.cppn.functions.recording`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from neatfool.cppn.functions.recording import Recorder, Value
from neatfool.errors import ExperimentError

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


class Operations(Recorder):
    """A graph of ONNX that grows; its numbers are float32 unless said."""

    def __init__(self) -> None:
        super().__init__()
        self.onnx = need_onnx()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], Value] = {}

    def write(self, kind: str, *inputs: Any) -> Value:
        """Write an operation of float32."""
        if kind == "Rsqrt":
            return self.add_node("Reciprocal", self.add_node("Sqrt", *inputs))
        if kind == "Step":
            return self.cast(self.add_node("GreaterOrEqual", *inputs, 0.0), np.float32)
        return self.add_node(kind, *inputs)

    def constant(self, numbers: Any, dtype: Any = None) -> Value:
        """Add a constant, each only once."""
        array = np.asarray(numbers, dtype)
        key = array.dtype.str, array.shape, array.tobytes()
        if key not in self._constants:
            name = f"c{len(self.constants)}"
            self.constants.append(self.onnx.numpy_helper.from_array(array, name))
            self._constants[key] = Value(self, name)
        return self._constants[key]

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

    def where(self, is_so: Value, a: Any, b: Any) -> Value:
        """Choose by a condition."""
        return self.add_node("Where", is_so, a, b)
