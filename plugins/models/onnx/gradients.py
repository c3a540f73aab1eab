"""Gradients of ONNX files: a copy of the graph in PyTorch, which onnx2torch makes.

onnxruntime computes every score. The copy says in which direction a score grows, if it answers so.
"""

from collections.abc import Mapping
from contextlib import suppress
from importlib.metadata import version
from typing import Any, Final

import numpy as np
import onnx
import torch
from onnx import defs, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx2torch import convert
from onnx2torch.node_converters.registry import add_converter, get_converter
from torch.nn import functional

from neatfool import TargetError
from neatfool.models import FileModule, Input, Preprocessing, reading
from neatfool.wording import level, share

from ..torch_files import TorchModule

TOLERANCE: Final = 0.01
"""Probabilities may differ by this share of an image's largest: float32 rounding only."""
_ANSWER: Final = "neatfool_answer"
_BY: Final = f"onnx2torch {version('onnx2torch')}"
_OTHERWISE: Final = "leave out [target] gradients and learn, or use torchscript:FILE or export:FILE"


class ConvertedModule(TorchModule):
    """An ONNX graph in PyTorch."""

    by = _BY


def torch_copy(module: FileModule, scaling: Preprocessing) -> ConvertedModule:
    """Copy a network that has settled, for torch: it takes floats, also if the file takes bytes."""
    path = module.path
    model: Any = onnx.load(path)
    logits = _simplify(model, module.output)
    versions = _versions(model)
    used = {(node.op_type, node.domain) for node in model.graph.node}
    if missing := sorted(op for op, domain in used if not _is_known(op, domain, versions)):
        raise TargetError(
            f"{path}: {_BY} cannot convert {', '.join(missing)}, so there are no gradients; "
            f"{_OTHERWISE}"
        )
    with reading(f"{path}: {_BY} cannot convert it", f"so it has no gradients: {_OTHERWISE}"):
        program = convert(model)
    dtype = torch.float32 if module.input.is_whole else module.input.dtype
    copy = ConvertedModule(path, program, Input(module.input.shape, dtype))
    # It takes images as the network does that has settled, and has one output.
    copy.layout, copy.output = module.layout, "0"
    copy.gives_probabilities = module.gives_probabilities and not logits
    _check(copy, module, scaling)
    return copy


def _check(copy: ConvertedModule, module: FileModule, scaling: Preprocessing) -> None:
    """Compare the copy with the network on noise, fine and coarse, and look at its gradient."""
    noise = module.layout.noise(4, scaling)
    coarse = functional.interpolate(noise[:-1, :, ::8, ::8], size=noise.shape[2:])
    for images in (noise, coarse):
        with torch.no_grad():
            given, wanted = (each(images.clone()).softmax(1) for each in (copy, module))
        apart = float(((given - wanted).abs().amax(1) / wanted.amax(1)).max())
        if not apart <= TOLERANCE:
            raise TargetError(
                f"{copy.path}: as {_BY} converts it, probabilities of noise differ from "
                f"{module.by}'s by {share(apart, 1)} of the largest; at most {level(TOLERANCE)} is "
                f"rounding, so its gradients would mislead; {_OTHERWISE}"
            )
    with torch.enable_grad():
        pixels = noise.clone().requires_grad_()
        best = copy(pixels).log_softmax(1).amax(1).sum()
        slopes = torch.autograd.grad(best, pixels)[0] if best.requires_grad else torch.zeros(1)
    if not (bool(slopes.isfinite().all()) and bool(slopes.any())):
        raise TargetError(
            f"{copy.path}: its gradient is zero or not finite on noise (a graph that rounds has "
            f"none); {_OTHERWISE}"
        )


def _simplify(model: Any, output: str) -> bool:
    """Cut a graph to one output; a softmax at its end is cut off, too, and it is said if it was."""
    graph = model.graph
    constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
    versions = _versions(model)
    nodes = []
    for node in graph.node:
        if node.op_type not in {"If", "Loop", "Scan"} and constants.keys() >= {*node.input} - {""}:
            # onnx2torch needs weights and axes as numbers, not as what computes them.
            given = {name: constants[name] for name in node.input if name}
            computed = ReferenceEvaluator(node, opsets=versions).run(None, given)
            for name, each in zip(node.output, computed, strict=True):
                constants[name] = each
                graph.initializer.append(numpy_helper.from_array(np.asarray(each), name))
        else:
            nodes.append(_write_as_before(node, constants))
    answer = output
    makers = {name: node for node in nodes for name in node.output}
    ends_in_softmax = answer in makers and makers[answer].op_type == "Softmax"
    if ends_in_softmax:
        answer = makers[answer].input[0]
    kept, wanted = [helper.make_node("Identity", [answer], [_ANSWER])], {answer}
    for node in reversed(nodes):
        if not wanted.isdisjoint(node.output):
            node.name = ""  # it would be part of the program that torch.fx writes and runs
            wanted.update(node.input)
            kept.append(node)
    del graph.node[:], graph.output[:], graph.value_info[:]
    graph.node.extend(reversed(kept))
    graph.output.append(helper.make_empty_tensor_value_info(_ANSWER))
    return ends_in_softmax


def _write_as_before(node: Any, constants: Mapping[str, np.ndarray]) -> Any:
    """Write an operation as versions before 18 did, which onnx2torch knows."""
    if node.op_type == "Reshape":  # images have no empty sides
        kept = [each for each in node.attribute if each.name != "allowzero"]
        del node.attribute[:]
        node.attribute.extend(kept)
    elif node.op_type.startswith("Reduce") and node.op_type != "ReduceSum":
        axes = list(node.input)[1:]
        if axes and axes[0] in constants:
            numbers = constants[axes[0]].tolist()
            node.attribute.append(helper.make_attribute("axes", numbers))
            del node.input[1:]
    return node


def _versions(model: Any) -> dict[str, int]:
    return {each.domain: each.version for each in model.opset_import}


def _is_known(operation: str, domain: str, versions: Mapping[str, int]) -> bool:
    """Say whether an operation can be converted, perhaps like an older version of it."""
    # Later ones mostly take more types. The comparison with onnxruntime finds those that differ.
    newest = versions.get(domain, 1)
    for older in range(newest, 0, -1):
        with suppress(NotImplementedError):
            converter = get_converter(operation, older, domain)
            if older < newest:
                since = defs.get_schema(operation, newest, domain).since_version
                add_converter(operation, since, domain)(converter)
            return True
    return False
