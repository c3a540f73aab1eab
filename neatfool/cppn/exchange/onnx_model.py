"""A CPPN's picture as a model in ONNX, which takes the size that is wanted; and its network."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from itertools import chain
from typing import Any, Final

import numpy as np

from neatfool.cppn.activations import ACTIVATIONS
from neatfool.cppn.draw.lattice import Look, input_formula
from neatfool.cppn.draw.spline import weigh
from neatfool.cppn.exchange.network import NeatNetwork, Picture
from neatfool.cppn.formulas import Recorder, Symbol
from neatfool.cppn.genome.genes import INPUTS
from neatfool.errors import ExperimentError

OPSET: Final = 17
"""The version of ONNX's operations: of 2022, and all that this needs."""

FORMAT: Final = 8
"""The version of ONNX's file format that goes with it."""


class Operations(Recorder):
    """A graph of ONNX that grows, perhaps within that of operations of another type."""

    def __init__(self, dtype: Any, within: Operations | None = None) -> None:
        super().__init__()
        try:
            import onnx
            import onnx.helper
            import onnx.numpy_helper
        except ImportError as error:
            raise ExperimentError(
                "ONNX files need the package onnx: run `pip install 'neatfool[onnx]'`"
            ) from error
        self.onnx: Any = onnx
        self._dtype = dtype
        self.nodes: list[Any] = within.nodes if within else []
        self.constants: list[Any] = within.constants if within else []
        self._constants: dict[tuple[str, bytes], Any] = within._constants if within else {}

    def write(self, kind: str, *inputs: Any) -> Symbol:
        """Write an operation."""
        if kind == "Rsqrt":
            return self.add_node("Reciprocal", self.add_node("Sqrt", *inputs))
        if kind == "Step":
            return self.cast(self.add_node("GreaterOrEqual", *inputs, 0.0))
        return self.add_node(kind, *inputs)

    def _name(self, given: Any) -> Any:
        """Give the name of a value, of a number, or of integers, [n]; each is there only once."""
        if isinstance(given, Symbol):
            return given.name
        array = np.asarray(given, np.int64 if isinstance(given, list) else self._dtype)
        key = array.dtype.str + str(array.shape), array.tobytes()
        if key not in self._constants:
            self._constants[key] = f"c{len(self.constants)}"
            self.constants.append(self.onnx.numpy_helper.from_array(array, self._constants[key]))
        return self._constants[key]

    def add_node(self, kind: str, *inputs: Any, **attributes: Any) -> Symbol:
        """Add an operation."""
        name, given = f"v{len(self.nodes)}", [*map(self._name, inputs)]
        self.nodes.append(self.onnx.helper.make_node(kind, given, [name], **attributes))
        return Symbol(self, name)

    def cast(self, value: Symbol) -> Symbol:
        """Turn a tensor into one of our type."""
        to = self.onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self._dtype))
        return self.add_node("Cast", value, to=to)


SIZE: Final = "size"
IMAGE: Final = "image"
INPUTS_NAME: Final = "inputs"
OUTPUTS_NAME: Final = "outputs"


def to_onnx(picture: Picture, *, title: str = "") -> bytes:
    """Write a picture as a model in ONNX.

    The model needs nothing else. Its input ``size``, int64 [2], is the height and the width in
    pixels; its properties ``height`` and ``width`` are the native ones. Its output ``image`` is
    uint8 [C, H, W]: the picture of :func:`~neatfool.cppn.render` to within a level, except where a
    network magnifies the last bits of a number. A band limit is part of the model.

    Args:
        picture: The picture.
        title: What it shows, for the model's description.

    Returns:
        The bytes of a file.

    Raises:
        ExperimentError: The package onnx is not installed.
    """
    operations, look = Operations(np.float32), picture.look
    doubles = Operations(np.float64, operations)
    size = Symbol(operations, SIZE)
    centres = []
    for place, native in enumerate((look.height, look.width)):
        side = doubles.cast(operations.add_node("Gather", size, [place]))
        counted = doubles.add_node("Range", 0.0, doubles.add_node("Squeeze", side), 1.0)
        # The centres of the pixels, in native pixels.
        centres.append(((2.0 * counted + 1.0) * native - side) / (2.0 * side))
    if look.band_limit:
        (rows, y), (columns, x) = (_lay_axis(operations, each, look.band_limit) for each in centres)
        counts = [operations.add_node("Shape", each) for each in (y, x)]
        shape = operations.add_node("Concat", *counts, axis=0)
        channels = _draw(operations, picture, _inputs(operations, look, y, x), shape)
        joined = operations.add_node("MatMul", rows, channels)
        channels = operations.add_node("MatMul", joined, operations.add_node("Transpose", columns))
    else:
        channels = _draw(operations, picture, _inputs(operations, look, *centres), size)
    onnx, helper = operations.onnx, operations.onnx.helper
    to, rounded = onnx.TensorProto.UINT8, operations.round(channels)
    operations.nodes.append(helper.make_node("Cast", [rounded.name], [IMAGE], to=to))
    bands = look.channels or look.colours.channels
    return _write_model(
        operations,
        helper.make_tensor_value_info(SIZE, onnx.TensorProto.INT64, [2]),
        helper.make_tensor_value_info(IMAGE, to, [bands, "height", "width"]),
        title,
        {"height": str(look.height), "width": str(look.width)},
    )


def network_to_onnx(network: NeatNetwork, *, title: str = "") -> bytes:
    """Write a network as a model in ONNX, which computes in double precision as neat-python does.

    Its input ``inputs`` is float64 [N, I], its output ``outputs`` float64 [N, O].

    Args:
        network: The network.
        title: What it is, for the model's description.

    Raises:
        ExperimentError: The package onnx is not installed.
    """
    operations = Operations(np.float64)
    onnx, helper = operations.onnx, operations.onnx.helper
    given = Symbol(operations, INPUTS_NAME)
    values: dict[int, Any] = {
        -1 - place: operations.add_node("Gather", given, [place], axis=1)
        for place in range(len(network.inputs))
    }
    for node in network.formula():
        terms = (weight * node.response * values[key] for key, weight in node.terms)
        formula = ACTIVATIONS[node.activation].at_points
        (values[node.key],) = formula.evaluate(operations.record, sum(terms, node.bias))
    shape = operations.add_node("Shape", values[-1])
    columns = [
        operations.add_node("Expand", values[key], shape) for key in range(len(network.outputs))
    ]
    names = [each.name for each in columns]
    operations.nodes.append(helper.make_node("Concat", names, [OUTPUTS_NAME], axis=1))
    kind = onnx.TensorProto.DOUBLE
    return _write_model(
        operations,
        helper.make_tensor_value_info(INPUTS_NAME, kind, ["N", len(network.inputs)]),
        helper.make_tensor_value_info(OUTPUTS_NAME, kind, ["N", len(network.outputs)]),
        title,
        {"inputs": ", ".join(network.inputs), "outputs": ", ".join(network.outputs)},
    )


def _write_model(
    operations: Operations, given: Any, result: Any, title: str, properties: dict[str, str]
) -> bytes:
    """Write the bytes of a model."""
    helper = operations.onnx.helper
    used = {name for node in operations.nodes for name in node.input}
    graph = helper.make_graph(
        operations.nodes,
        "picture",
        [given],
        [result],
        [each for each in operations.constants if each.name in used],
        doc_string=title,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=FORMAT,
        producer_name="neatfool",
        producer_version=version("neatfool"),
        doc_string=title,
    )
    helper.set_model_props(model, properties)
    written: bytes = model.SerializeToString()
    return written


def _lay_axis(operations: Operations, centres: Symbol, step: float) -> tuple[Symbol, Symbol]:
    """Lay points a step apart around the centres of pixels, float64 [n].

    Give the weight of each point in each pixel, float32 [n, m], and the points' places, float64.
    """
    doubles: Any = centres.recorder
    counted = (centres + 0.5) / step - 0.5
    whole = doubles.add_node("Floor", counted)
    first, last = (
        doubles.add_node(kind, whole, axes=[0], keepdims=0) for kind in ("ReduceMin", "ReduceMax")
    )
    points = doubles.add_node("Range", first - 1.0, last + 3.0, 1.0)
    away = operations.cast(doubles.add_node("Unsqueeze", counted, [1]) - points)
    return weigh(operations, away), (points + 0.5) * step - 0.5


def _inputs(operations: Operations, look: Look, y: Symbol, x: Symbol) -> list[tuple[Any, ...]]:
    """Give x [w], y [h, 1], d [h, w] and 1 at places in native pixels, with their derivatives."""
    doubles: Any = x.recorder
    found = input_formula(look).evaluate(doubles.record, x, doubles.add_node("Unsqueeze", y, [1]))
    cast = [operations.cast(each) if isinstance(each, Symbol) else each for each in found]
    return [tuple(cast[place : place + 3]) for place in range(0, len(cast), 3)]


def _draw(
    operations: Operations, picture: Picture, inputs: Sequence[tuple[Any, ...]], shape: Symbol
) -> Symbol:
    """Give each channel, from 0 to 255: [C, *shape]."""
    look = picture.look
    values = dict(zip(INPUTS, inputs, strict=True))
    for node in picture.network.formula():
        terms = [tuple(w * node.response * each for each in values[key]) for key, w in node.terms]
        argument = map(sum, zip((node.bias, 0.0, 0.0), *terms, strict=True))
        mean = ACTIVATIONS[node.activation].within_reach
        values[node.key] = tuple(mean.evaluate(operations.record, *argument))
    outputs = zip(*(values[key] for key in range(look.colours.outputs)), strict=True)
    colours = look.colours.within_reach.evaluate(operations.record, *chain(*outputs))
    channels = [operations.add_node("Expand", 255.0 * each, shape) for each in colours]
    if look.channels and len(channels) == 1:
        channels *= look.channels
    whole = [operations.add_node("Unsqueeze", each, [0]) for each in channels]
    return operations.add_node("Concat", *whole, axis=0)
