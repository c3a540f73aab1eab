"""A CPPN's picture as a model in ONNX, which takes the size that is wanted."""

from __future__ import annotations

import math
from functools import reduce
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.cppn.exchange.formula import INPUT_KEYS
from neatfool.cppn.exchange.operations import FORMAT, OPSET, Operations, Value
from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.inputs import pixel_grid
from neatfool.cppn.functions.surroundings import REACH, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.cppn.exchange.formula import Node
    from neatfool.cppn.exchange.picture import Look, Picture

SIZE: Final = "size"
IMAGE: Final = "image"


def to_onnx(picture: Picture, *, title: str = "") -> bytes:
    """Write a picture as a model in ONNX.

    The model needs nothing else. Its input ``size``, int64 [2], is the height and the width in
    pixels; its properties ``height`` and ``width`` are the native ones. Its output ``image`` is
    uint8 [C, H, W]: the picture of :func:`~neatfool.cppn.render` to within a level, except where a
    network magnifies the last bits of a number. A blur is part of the model.

    Args:
        picture: The picture, with the numbers that its parameters have now.
        title: What it shows, for the model's description.

    Returns:
        The bytes of a file.

    Raises:
        ExperimentError: The package onnx is not installed.
    """
    operations = Operations()
    look = picture.look
    size = Value(operations, SIZE)
    height, width = (
        operations.cast(operations.add_node("Gather", size, side, dtype=np.int64), np.float64)
        for side in (0, 1)
    )
    if look.blur:
        levels = _draw_levels(operations, picture, *_sample_inputs(operations, look))
        levels = _smooth(operations, look, levels, height, width)
    else:
        inputs, shape = _pixel_inputs(operations, look, height, width, size)
        levels = _draw_levels(operations, picture, inputs, shape)
    operations.nodes[-1].output[0] = "levels"
    return _model(operations, look, title)


def _model(operations: Operations, look: Look, title: str) -> bytes:
    """Give the file of a graph whose last operation gives ``levels``."""
    onnx, helper = operations.onnx, operations.onnx.helper
    to = onnx.TensorProto.UINT8
    operations.nodes.append(helper.make_node("Cast", ["levels"], [IMAGE], to=to))
    channels = look.channels or look.colours.channels
    used = {name for node in operations.nodes for name in node.input}
    graph = helper.make_graph(
        operations.nodes,
        "picture",
        [helper.make_tensor_value_info(SIZE, onnx.TensorProto.INT64, [2])],
        [helper.make_tensor_value_info(IMAGE, to, [channels, "height", "width"])],
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
    helper.set_model_props(model, {"height": str(look.height), "width": str(look.width)})
    written: bytes = model.SerializeToString()
    return written


def _pixel_inputs(
    operations: Operations, look: Look, height: Value, width: Value, size: Value
) -> tuple[list[Value], Value]:
    """Give x [1, W], y [H, 1], d [H, W] and 1 of the pixels' centres, and their shape."""
    axes = []
    for sides, native, axis in ((width, look.width, 0), (height, look.height, 1)):
        centres = _centres(operations, sides, native)
        normalised = _double(operations, "Mul", centres, 2 / (native - 1) if native > 1 else 0.0)
        if native > 1:
            normalised = _double(operations, "Sub", normalised, 1.0)
        around = operations.constant([axis], np.int64)
        axes.append(
            [operations.add_node("Unsqueeze", each, around) for each in (centres, normalised)]
        )
    squares = [_double(operations, "Mul", normalised, normalised) for _, normalised in axes]
    distance = operations.add_node("Sqrt", operations.add_node("Add", *squares))
    chosen = [raw if look.inputs == "raw" else normalised for raw, normalised in axes]
    inputs = [operations.cast(each, np.float32) for each in (*chosen, distance)]
    return [*inputs, operations.constant(1.0, np.float32)], size


def _centres(operations: Operations, size: Value, native: int) -> Value:
    """Give the centres of ``size`` pixels, in native pixels: float64 [size]."""
    counted = operations.add_node("Range", 0.0, size, 1.0, dtype=np.float64)
    odd = _double(operations, "Add", _double(operations, "Mul", counted, 2.0), 1.0)
    whole = _double(operations, "Sub", _double(operations, "Mul", odd, native), size)
    return _double(operations, "Div", whole, _double(operations, "Mul", size, 2.0))


def _double(operations: Operations, kind: str, *inputs: Any) -> Value:
    return operations.add_node(kind, *inputs, dtype=np.float64)


def _sample_inputs(operations: Operations, look: Look) -> tuple[list[Value], Value]:
    """Give x [S, 1, w], y [S, h, 1], d [S, h, w] and 1 of the samples, and their shape."""
    grids = [
        pixel_grid(look.height, look.width, kind=look.inputs, shift=shift)
        for shift in SAMPLES[look.samples]
    ]
    squares = [
        operations.constant(np.stack([each.x_squared[None] for each in grids])),
        operations.constant(np.stack([each.y_squared[:, None] for each in grids])),
    ]
    distance = operations.add_node("Sqrt", operations.add_node("Add", *squares))
    inputs = [
        operations.constant(np.stack([each.x[None] for each in grids]), np.float32),
        operations.constant(np.stack([each.y[:, None] for each in grids]), np.float32),
        operations.cast(distance, np.float32),
        operations.constant(1.0, np.float32),
    ]
    return inputs, operations.constant([len(grids), look.height, look.width], np.int64)


def _draw_levels(
    operations: Operations, picture: Picture, inputs: Sequence[Value], shape: Value
) -> Value:
    """Give the levels from 0 to 255 of each channel, [C, *shape]."""
    look, formula, may_be_nan = picture.look, picture.formula(), picture.may_overflow
    values = dict(zip(INPUT_KEYS, inputs, strict=True))
    for node in formula.nodes:
        activation = ACTIVATIONS[node.activation]
        z = _aggregate(operations, node, values)
        if activation.nan is not None and may_be_nan:
            z = operations.where(operations.is_nan(z), activation.nan, z)
        values[node.key] = activation.formula(operations, z, None)
    outputs = [values[key] for key in formula.outputs]
    if may_be_nan:
        outputs = [operations.where(operations.is_nan(each), 0.0, each) for each in outputs]
    channels = [
        operations.add_node("Expand", operations.round(operations.multiply(each, 255.0)), shape)
        for each in look.colours.convert(operations, *outputs)
    ]
    if look.channels and len(channels) == 1:
        channels *= look.channels
    return operations.stack(channels)


def _aggregate(operations: Operations, node: Node, values: dict[int, Value]) -> Value:
    """Give the argument of a node's activation."""
    if node.joins == "sum":
        terms = [operations.multiply(values[key], weight) for key, weight in node.scaled]
        return reduce(operations.add, [*terms, operations.constant(node.bias, np.float32)])
    terms = [operations.multiply(values[key], weight) for key, weight in node.terms]
    scaled = operations.multiply(_reduce(operations, node, terms), node.response)
    return operations.add(scaled, node.bias)


def _reduce(operations: Operations, node: Node, terms: list[Value]) -> Value:
    def larger(best: Value, term: Value) -> Value:
        is_larger = operations.absolute(term) > operations.absolute(best)
        return operations.where(is_larger, term, best)

    match node.joins:
        case "product":
            return reduce(operations.multiply, terms) if terms else operations.constant(1.0, "f4")
        case "max":
            return reduce(operations.maximum, terms)
        case "min":
            return reduce(operations.minimum, terms)
        case "maxabs":
            return reduce(larger, terms)
    return _median(operations, terms)


def _median(operations: Operations, terms: list[Value]) -> Value:
    count = len(terms)
    for end in range(count - 1, 0, -1) if count > 2 else ():
        for place in range(end):
            pair = terms[place], terms[place + 1]
            terms[place : place + 2] = operations.minimum(*pair), operations.maximum(*pair)
    middle = terms[count // 2]
    if count % 2:
        return middle
    return operations.divide(operations.add(terms[count // 2 - 1], middle), 2.0)


def _smooth(
    operations: Operations, look: Look, levels: Value, height: Value, width: Value
) -> Value:
    """Turn samples [C, S, h, w] into pixels [C, H, W]; see ``functions.surroundings``."""
    shifts = SAMPLES[look.samples]
    down = _weigh(operations, look.blur, look.height, height, [y for _, y in shifts])
    across = _weigh(operations, look.blur, look.width, width, [x for x, _ in shifts])
    turned = operations.add_node("Transpose", across, perm=[0, 2, 1])
    smooth = operations.add_node("MatMul", operations.add_node("MatMul", down, levels), turned)
    mean = operations.add_node("ReduceMean", smooth, axes=[1], keepdims=0)
    return operations.round(operations.clip(mean, 0.0, 255.0))


def _weigh(
    operations: Operations, blur: float, native: int, size: Value, shifts: Sequence[float]
) -> Value:
    """Give the weight of each sample along an axis in each pixel: [S, size, native]."""
    centres = _centres(operations, size, native)
    pixel = _double(operations, "Div", native / math.sqrt(12), size)
    variance = _double(operations, "Add", _double(operations, "Mul", pixel, pixel), blur**2)
    reach = _double(operations, "Mul", operations.add_node("Sqrt", variance), REACH)
    reach = _double(operations, "Max", reach, 1.0)
    places = np.arange(native, dtype=np.float64) + np.array(shifts)[:, None]
    column = operations.add_node("Unsqueeze", centres, operations.constant([1], np.int64))
    apart = _double(operations, "Sub", places[:, None], column)
    distance = operations.cast(_double(operations, "Div", apart, reach), np.float32)
    # cos(pi d / 2) of a distance d up to 1.
    angle = operations.multiply(operations.clip(distance, -1.0, 1.0), math.pi / 2)
    cosine = operations.add_node("Cos", angle)
    bell = operations.multiply(cosine, cosine)
    total = operations.add_node("ReduceSum", bell, operations.constant([2], np.int64), keepdims=1)
    return operations.divide(bell, total)
