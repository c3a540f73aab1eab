"""Graphs of TensorFlow, operation by operation in PyTorch."""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool import TargetError, models

from .operations import OPERATIONS, NodeDef

_TYPES: Final = {"DT_FLOAT": torch.float32, "DT_HALF": torch.float16, "DT_UINT8": torch.uint8}


class GraphModule(models.FileModule):
    """A graph of TensorFlow as a torch module, with gradients."""

    by = f"torch {torch.__version__}"
    no_gradients = None

    def __init__(
        self,
        path: Path,
        nodes: Sequence[Mapping[str, Any]],
        signature: Mapping[str, Any],
        weights: Mapping[str, np.ndarray],
    ) -> None:
        """Take a graph's nodes, what it says of its inputs and outputs, and its constants.

        Raises:
            TargetError: It is damaged, has operations that are not known, or takes other things
                than images.
        """
        super().__init__(path)
        with models.reading(f"{path}: its graph cannot be read", "convert it again"):
            known = {node["name"]: NodeDef(node) for node in nodes}
            taken = {name for node in known.values() for name, _ in node.inputs}
            last = [
                name for name, node in known.items() if name not in taken and node.kind != "Const"
            ]
            given = signature.get("outputs", {}).values()
            self._outputs = [each["name"].partition(":")[0] for each in given] or last
            self._nodes = [known[name] for name in _order(known, self._outputs)]
        unknown = {node.kind for node in self._nodes} - {*OPERATIONS, "Placeholder", "Const"}
        if unknown:
            raise TargetError(
                f"{path}: has operations that neatfool does not know: {', '.join(sorted(unknown))};"
                " export the network to ONNX, and give onnx:FILE"
            )
        self.input = self._find_input(signature)
        # Sizes that a graph computes from its input would be fixed by tracing.
        self.traceable = all(node.kind != "Shape" for node in self._nodes)
        for number, node in enumerate(self._nodes):
            if node.kind == "Const":
                if node.name not in weights:
                    raise TargetError(f"{path}: the weight {node.name} is missing")
                self.register_buffer(f"weight{number}", torch.tensor(weights[node.name]))

    def _find_input(self, signature: Mapping[str, Any]) -> models.Input:
        inputs = [node for node in self._nodes if node.kind == "Placeholder"]
        described = ", ".join(f"{each.name} {each.type('dtype')}" for each in inputs)
        shapes = {
            each["name"].partition(":")[0]: each.get("tensorShape", {})
            for each in signature.get("inputs", {}).values()
        }
        kind = _TYPES.get(inputs[0].type("dtype")) if len(inputs) == 1 else None
        if kind is None:
            raise TargetError(f"{self.path}: takes {described}; convert one of images only")
        shape = shapes.get(inputs[0].name) or inputs[0].attributes.get("shape", {}).get("shape", {})
        sizes = [int(each["size"]) for each in shape.get("dim", [])]
        if sizes and len(sizes) != 4:
            raise TargetError(f"{self.path}: takes {sizes}; convert one of images only")
        return models.Input(tuple(size if size > 0 else None for size in sizes or [0] * 4), kind)

    def answer(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        values: dict[str, Any] = {}
        for number, node in enumerate(self._nodes):
            if node.kind == "Placeholder":
                values[node.name] = images
            elif node.kind == "Const":
                values[node.name] = getattr(self, f"weight{number}")
            else:
                inputs = [_take(values[name], index) for name, index in node.inputs]
                values[node.name] = OPERATIONS[node.kind](node, *inputs)
        return {name: _take(values[name], 0) for name in self._outputs}


def _order(nodes: Mapping[str, NodeDef], outputs: Sequence[str]) -> list[str]:
    """List what outputs need, each node after its inputs."""
    needed, left = dict.fromkeys(outputs), [*outputs]
    while left:
        for name, _ in nodes[left.pop()].inputs:
            if name not in needed:
                needed[name] = None
                left.append(name)
    graph = {name: [each for each, _ in nodes[name].inputs] for name in needed}
    try:
        return [*TopologicalSorter(graph).static_order()]
    except CycleError as error:
        raise ValueError("it has a loop") from error


def _take(value: Any, index: int) -> torch.Tensor:
    """Take one of the tensors that an operation gives."""
    found: torch.Tensor = value if isinstance(value, torch.Tensor) else value[index]
    return found
