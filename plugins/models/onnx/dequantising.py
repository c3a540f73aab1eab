"""Dynamically quantised ONNX graphs, computed in floats.

Such a graph rounds by the range of all that it computes at once, so that an image's answer depends
on the others of its batch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from onnx import helper, numpy_helper

from neatfool import TargetError

ROUNDING: Final = "DynamicQuantizeLinear"
"""The operation that rounds by the range of a whole batch."""
PRODUCTS: Final = {"MatMulInteger": "MatMul", "ConvInteger": "Conv"}
"""The products of whole numbers, and the same of floats."""


def dequantise(path: Path) -> bytes:
    """Read a graph, and put products of floats in place of those of whole numbers."""
    # A number x is rounded to scale * (q - zero); a product takes q and zero, and its result is
    # multiplied by scale later. Here the product takes x, and scale is one.
    try:
        model = onnx.load(path)
    except Exception as error:  # onnx raises many kinds
        raise TargetError(f"{path}: onnx cannot read it ({error}); export it again") from error
    graph = model.graph
    rounding = [node for node in graph.node if node.op_type == ROUNDING]
    inputs = {node.output[0]: node.input[0] for node in rounding}
    rounded = {*inputs, *(node.output[2] for node in rounding)}
    weights = {each.name: each for each in graph.initializer}
    nodes: list[Any] = []
    for node in graph.node:
        if not rounded.isdisjoint(node.input):
            product, weight = _in_floats(node, inputs, weights, path)
            nodes.append(product)
            graph.initializer.append(weight)
        elif node.op_type != ROUNDING:
            nodes.append(node)
    one = np.array(1, np.float32)
    scales = [numpy_helper.from_array(one, node.output[1]) for node in rounding]
    used = {name for node in nodes for name in node.input}
    kept = [each for each in [*graph.initializer, *scales] if each.name in used]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(kept)
    return bytes(model.SerializeToString())


def _in_floats(
    node: Any, inputs: Mapping[str, str], weights: Mapping[str, Any], path: Path
) -> tuple[Any, Any]:
    """Give a product of floats in place of one of whole numbers, and its weights."""
    image, weight, *zeros = node.input
    zero = zeros[1] if len(zeros) > 1 else ""
    known = {*weights, ""}
    if node.op_type not in PRODUCTS or image not in inputs or not {weight, zero} <= known:
        raise TargetError(
            f"{path}: {node.op_type} {node.name} is quantised in a way that cannot be undone; "
            "export the network in floats, or set [target] dequantise = no"
        )
    numbers = numpy_helper.to_array(weights[weight]).astype(np.float32)
    if zero:
        shift = numpy_helper.to_array(weights[zero]).astype(np.float32)
        # A filter's zero point is its own; a matrix's columns have theirs.
        by_filter = node.op_type == "ConvInteger" and shift.ndim == 1
        numbers = numbers - (shift.reshape(-1, 1, 1, 1) if by_filter else shift)
    name = f"{node.output[0]}_weights"
    made = helper.make_node(PRODUCTS[node.op_type], [inputs[image], name], node.output, node.name)
    made.attribute.extend(node.attribute)
    return made, numpy_helper.from_array(numbers, name)
