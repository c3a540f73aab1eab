"""A request for a network, and the check for its packages."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from neatfool import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

FILES: Final = ("onnx", "tflite", "openvino", "torchscript", "export")
"""Kinds of models that are files, with their program and their weights."""
RUN_CODE: Final = {"torchscript", "export"}
"""Those of them that can run code when they are loaded."""

Outputs: TypeAlias = Literal["logits", "probabilities", "multi_label"]


@dataclass(frozen=True)
class Request:
    """A network's name, and what replaces or completes what it says of itself.

    Attributes:
        weights: A file of weights to use in place of its own.
        size: The side of its images, if the network does not say.
        mean: What to subtract from images in [0, 1], if the network does not say.
        std: What to divide by after that.
        output: The name or number of the output that answers, if a file has several.
        outputs: ``"logits"``, ``"probabilities"`` or ``"multi_label"``, if the numbers do not tell.
        dequantise: Whether to compute a dynamically quantised ONNX graph in floats.
        gradients: Whether to compute gradients of an ONNX graph, through a copy in PyTorch.
    """

    model: str
    weights: Path | None = None
    size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    output: str | None = None
    outputs: Outputs | None = None
    dequantise: bool = False
    gradients: bool = False


def need(model: str, module: str, *, extra: str) -> None:
    """Raise ExperimentError, which says how to get it, if a module is not installed."""
    if find_spec(module) is None:
        raise ExperimentError(
            f"[target] model = {model}: needs the package {module.replace('_', '-')}, which is not "
            f"installed; pip install 'neatfool[{extra}]'"
        )
