"""TensorFlow's operations that classifiers use, in PyTorch.

What each does is described in https://www.tensorflow.org/api_docs/python/tf/raw_ops. Images are
[N, H, W, C] unless a node's ``data_format`` says otherwise.
"""

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final

import torch
from torch.nn import functional

Tensor = torch.Tensor
Operation = Callable[..., Any]


class NodeDef:
    """A node of a graph: its name, its kind of operation, its inputs and its attributes.

    Attributes:
        inputs: For each input, the name of the node that gives it, and which of its outputs it is.
    """

    def __init__(self, record: Mapping[str, Any]) -> None:
        """Take a node as a model's JSON file writes it."""
        self.name: str = record["name"]
        self.kind: str = record["op"]
        self.attributes: Mapping[str, Any] = record.get("attr", {})
        parts = [each.partition(":") for each in record.get("input", []) if each[0] != "^"]
        self.inputs = [(name, int(index or 0)) for name, _, index in parts]

    def type(self, key: str) -> str:
        """Give an attribute that names a type, such as DT_FLOAT."""
        return str(self.attributes.get(key, {}).get("type", ""))

    def text(self, key: str, default: str = "") -> str:
        """Give an attribute of text."""
        written = self.attributes.get(key, {}).get("s")
        return base64.b64decode(written).decode() if written else default

    def texts(self, key: str) -> list[str]:
        """Give an attribute that lists texts."""
        written = self.attributes.get(key, {}).get("list", {}).get("s", [])
        return [base64.b64decode(each).decode() for each in written]

    def number(self, key: str, default: float = 0.0) -> float:
        """Give an attribute of a number."""
        given = self.attributes.get(key, {})
        return float(given.get("f", given.get("i", default)))

    def numbers(self, key: str) -> list[int]:
        """Give an attribute that lists whole numbers."""
        return [*map(int, self.attributes.get(key, {}).get("list", {}).get("i", []))]

    def flag(self, key: str) -> bool:
        """Give an attribute that is true or false."""
        return bool(self.attributes.get(key, {}).get("b", False))

    @property
    def channels_first(self) -> bool:
        """Whether images are [N, C, H, W]."""
        return self.text("data_format", "NHWC") == "NCHW"

    def sides(self, key: str) -> list[int]:
        """Give an attribute's two numbers for height and width."""
        numbers = self.numbers(key) or [1] * 4
        return numbers[2:] if self.channels_first else numbers[1:3]


def _on_images(operation: Operation) -> Operation:
    """Let an operation on [N, C, H, W] take what its node does."""

    def compute(node: NodeDef, images: Tensor, *others: Tensor) -> Tensor:
        if node.channels_first:
            result: Tensor = operation(node, images, *others)
        else:
            result = operation(node, images.permute(0, 3, 1, 2), *others).permute(0, 2, 3, 1)
        return result

    return compute


def _pad(node: NodeDef, images: Tensor, size: Sequence[int], value: float = 0.0) -> Tensor:
    """Pad [N, C, H, W] as a window of a size needs it; SAME pads more after than before."""
    if (padding := node.text("padding")) == "EXPLICIT":
        pads = node.numbers("explicit_paddings")
        height, width = (2, 3) if node.channels_first else (1, 2)
        around = [*pads[2 * width : 2 * width + 2], *pads[2 * height : 2 * height + 2]]
    elif padding == "SAME":
        around = []
        for side, window, stride, dilation in zip(
            images.shape[2:], size, node.sides("strides"), node.sides("dilations"), strict=True
        ):
            reach = (window - 1) * dilation + 1
            missing = max((-(-side // stride) - 1) * stride + reach - side, 0)
            around = [missing // 2, missing - missing // 2, *around]
    else:
        return images
    return functional.pad(images, around, value=value) if any(around) else images


@_on_images
def _convolve(node: NodeDef, images: Tensor, filters: Tensor) -> Tensor:
    padded = _pad(node, images, filters.shape[:2])
    strides, dilations = node.sides("strides"), node.sides("dilations")
    groups = images.shape[1] // filters.shape[2]
    weight = filters.permute(3, 2, 0, 1)
    return functional.conv2d(padded, weight, None, strides, 0, dilations, groups)


@_on_images
def _convolve_by_channel(node: NodeDef, images: Tensor, filters: Tensor) -> Tensor:
    padded = _pad(node, images, filters.shape[:2])
    weight = filters.permute(2, 3, 0, 1).flatten(0, 1).unsqueeze(1)
    strides, dilations = node.sides("strides"), node.sides("dilations")
    return functional.conv2d(padded, weight, None, strides, 0, dilations, images.shape[1])


@_on_images
def _max_pool(node: NodeDef, images: Tensor) -> Tensor:
    size = node.sides("ksize")
    padded = _pad(node, images, size, float("-inf"))
    return functional.max_pool2d(padded, size, node.sides("strides"))


@_on_images
def _average_pool(node: NodeDef, images: Tensor) -> Tensor:
    # Padding is no part of a mean.
    size, strides = node.sides("ksize"), node.sides("strides")
    sums = functional.avg_pool2d(_pad(node, images, size), size, strides)
    inside = _pad(node, torch.ones_like(images[:1, :1]), size)
    return sums / functional.avg_pool2d(inside, size, strides)


@_on_images
def _normalise(node: NodeDef, images: Tensor, *numbers: Tensor) -> Tensor:
    scale, offset, mean, variance = numbers
    epsilon = node.number("epsilon", 1e-4)
    return functional.batch_norm(images, mean, variance, scale, offset, eps=epsilon)


@_on_images
def _add_bias(node: NodeDef, images: Tensor, bias: Tensor) -> Tensor:
    del node
    return images + bias.view(1, -1, 1, 1)


def _bias(node: NodeDef, values: Tensor, bias: Tensor) -> Tensor:
    added: Tensor = _add_bias(node, values, bias) if values.ndim == 4 else values + bias
    return added


def _fused(operation: Operation) -> Operation:
    """Let what a node fuses with an operation follow it."""

    def compute(node: NodeDef, values: Tensor, weights: Tensor, *others: Tensor) -> Tensor:
        result: Tensor = operation(node, values, weights)
        left = iter(others)
        for kind in node.texts("fused_ops"):
            more = [next(left)] if kind in {"BiasAdd", "Prelu"} else []
            result = OPERATIONS[kind](node, result, *more)
        return result

    return compute


def _leaky(node: NodeDef, values: Tensor) -> Tensor:
    slope = node.number("alpha", node.number("leakyrelu_alpha", 0.2))
    return functional.leaky_relu(values, slope)


def _multiply_matrices(node: NodeDef, first: Tensor, second: Tensor) -> Tensor:
    if node.flag("transpose_a") or node.flag("adj_x"):
        first = first.mT
    return first @ (second.mT if node.flag("transpose_b") or node.flag("adj_y") else second)


def _reduce(operation: Operation, node: NodeDef, values: Tensor, axes: Tensor) -> Tensor:
    keep = node.flag("keep_dims") or node.flag("keepdims")
    result: Tensor = operation(values, axes.flatten().tolist(), keepdim=keep)
    return result


def _resize(mode: str, node: NodeDef, images: Tensor, size: Tensor) -> Tensor:
    more = {"align_corners": node.flag("align_corners")} if mode == "bilinear" else {}
    if not node.flag("half_pixel_centers") and not node.flag("align_corners"):
        raise NotImplementedError(f"{node.kind} without half_pixel_centers")
    first = images.permute(0, 3, 1, 2)
    return functional.interpolate(first, size.tolist(), mode=mode, **more).permute(0, 2, 3, 1)


def _pad_by(node: NodeDef, values: Tensor, pads: Tensor, value: Tensor | None = None) -> Tensor:
    del node
    around = [number for pair in reversed(pads.tolist()) for number in pair]
    return functional.pad(values, around, value=0.0 if value is None else value.item())


def _slice_by_strides(
    node: NodeDef, values: Tensor, begin: Tensor, end: Tensor, strides: Tensor
) -> Tensor:
    masks = [int(node.number(f"{each}_mask")) for each in ("begin", "end", "shrink_axis")]
    if node.number("ellipsis_mask") or node.number("new_axis_mask"):
        raise NotImplementedError("StridedSlice with an ellipsis or a new axis")
    numbers = zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)
    where: list[Any] = []
    for place, (first, last, step) in enumerate(numbers):
        no_first, no_last, single = (mask >> place & 1 for mask in masks)
        start, stop = None if no_first else first, None if no_last else last
        where.append(first if single else slice(start, stop, step))
    return values[tuple(where)]


def _split(node: NodeDef, axis: Tensor, values: Tensor) -> Sequence[Tensor]:
    return values.chunk(int(node.number("num_split", 1)), int(axis))


def _squeeze(node: NodeDef, values: Tensor) -> Tensor:
    axes = node.numbers("squeeze_dims") or node.numbers("axis")
    return values.squeeze(tuple(axes)) if axes else values.squeeze()


_PLAIN: Final[Mapping[str, Operation]] = {
    "Abs": torch.abs,
    "Add": torch.add,
    "AddV2": torch.add,
    "Elu": functional.elu,
    "Exp": torch.exp,
    "ExpandDims": lambda values, axis: values.unsqueeze(int(axis)),
    "Identity": lambda values: values,
    "Log": torch.log,
    "LogSoftmax": lambda values: values.log_softmax(-1),
    "Maximum": torch.maximum,
    "Minimum": torch.minimum,
    "Mul": torch.mul,
    "Neg": torch.neg,
    "Pow": torch.pow,
    "Prelu": lambda values, slope: torch.where(values > 0, values, slope * values),
    "RealDiv": torch.div,
    "Relu": torch.relu,
    "Relu6": functional.relu6,
    "Reshape": lambda values, shape: values.reshape(shape.tolist()),
    "Rsqrt": torch.rsqrt,
    "Selu": functional.selu,
    "Shape": lambda values: torch.tensor(values.shape),
    "Sigmoid": torch.sigmoid,
    "Softmax": lambda values: values.softmax(-1),
    "Softplus": functional.softplus,
    "Sqrt": torch.sqrt,
    "Square": torch.square,
    "SquaredDifference": lambda first, second: (first - second) ** 2,
    "Sub": torch.sub,
    "Tanh": torch.tanh,
    "Transpose": lambda values, order: values.permute(order.tolist()),
}


def _without_node(operation: Operation, _: NodeDef, *inputs: Tensor) -> Any:
    return operation(*inputs)


OPERATIONS: Final[Mapping[str, Operation]] = {
    **{name: partial(_without_node, operation) for name, operation in _PLAIN.items()},
    "AddN": lambda _, *values: sum(values[1:], values[0]),
    "AvgPool": _average_pool,
    "BatchMatMul": _multiply_matrices,
    "BatchMatMulV2": _multiply_matrices,
    "BiasAdd": _bias,
    "ConcatV2": lambda _, *values: torch.cat(values[:-1], int(values[-1])),
    "Conv2D": _convolve,
    "DepthwiseConv2dNative": _convolve_by_channel,
    "FusedBatchNorm": _normalise,
    "FusedBatchNormV2": _normalise,
    "FusedBatchNormV3": _normalise,
    "FusedDepthwiseConv2dNative": _fused(_convolve_by_channel),
    "LeakyRelu": _leaky,
    "MatMul": _multiply_matrices,
    "Max": partial(_reduce, torch.amax),
    "MaxPool": _max_pool,
    "Mean": partial(_reduce, torch.mean),
    "Min": partial(_reduce, torch.amin),
    "Pack": lambda node, *values: torch.stack(values, int(node.number("axis"))),
    "Pad": _pad_by,
    "PadV2": _pad_by,
    "ResizeBilinear": partial(_resize, "bilinear"),
    "ResizeNearestNeighbor": partial(_resize, "nearest-exact"),
    "Split": _split,
    "Squeeze": _squeeze,
    "StridedSlice": _slice_by_strides,
    "Sum": partial(_reduce, torch.sum),
    "_FusedConv2D": _fused(_convolve),
    "_FusedMatMul": _fused(_multiply_matrices),
}
"""How each kind of node is computed: ``operation(node, *inputs)``."""
