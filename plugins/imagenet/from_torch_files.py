"""Networks in files of torch that hold their program: TorchScript, and ``torch.export``.

To read either can run what is in it. So only files of a source that one trusts belong here.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from neatfool import TargetError

from .file_input import Input
from .model_file import FileModule, check_exists, load_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from torch import nn

    from .classifier import Classifier
    from .request import Request


def load_torchscript(name: str, request: Request) -> Classifier:
    """Load what ``torch.jit.save`` wrote to the file ``name``; its size must be given.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or is not a classifier of images.
        ValueError: Something is missing, or options do not fit the file.
    """
    path = _find(name, "torchscript")
    program = _read(path, "TorchScript", "torch.jit.save", _load_script)
    # The file does not say what it takes.
    return load_file(TorchModule(path, program.eval(), Input((None,) * 4)), request)


def load_exported(name: str, request: Request) -> Classifier:
    """Load what ``torch.export.save`` wrote to the file ``name``.

    Raises:
        ExperimentError: The file does not exist.
        TargetError: The file is damaged, or is not a classifier of images.
        ValueError: Something is missing, or options do not fit the file.
    """
    path = _find(name, "export")
    if path.suffix != ".pt2":
        raise ValueError("is not called .pt2; give a file that torch.export.save wrote")
    program = _read(path, "torch.export", "torch.export.save", torch.export.load)
    wanted = program.graph_signature.user_inputs
    nodes = {node.name: node for node in program.graph.nodes}
    inputs = [nodes[each].meta["val"] for each in wanted if isinstance(each, str)]
    if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor) or inputs[0].ndim != 4:
        raise TargetError(
            f"{path}: takes {', '.join(map(_describe, inputs))}; export a classifier that takes "
            "only images [N, C, H, W] or [N, H, W, C]"
        )
    sizes = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
    return load_file(TorchModule(path, program.module(), Input(sizes, inputs[0].dtype)), request)


class TorchModule(FileModule):
    """A program of torch in a file, with gradients."""

    by = f"torch {torch.__version__}"
    traceable = True
    no_gradients = None

    def __init__(self, path: Path, program: nn.Module, given: Input) -> None:
        super().__init__(path)
        self.input = given
        self.program = program
        for each in program.modules():
            each.training = False  # an exported program is what it is, and cannot be switched

    def answer(self, images: torch.Tensor) -> Mapping[str, torch.Tensor]:
        """Compute all outputs of a batch."""
        outputs = self.program(images)
        if isinstance(outputs, torch.Tensor):
            return {"0": outputs}
        named = outputs.items() if isinstance(outputs, dict) else enumerate(outputs)
        return {str(name): each for name, each in named if isinstance(each, torch.Tensor)}


def _find(name: str, kind: str) -> Path:
    path = Path(name).expanduser()
    check_exists(path, f"{kind}:{name}")
    return path


def _load_script(path: str) -> Any:
    return torch.jit.load(path, map_location="cpu")  # type: ignore[no-untyped-call]


def _read(path: Path, kind: str, writer: str, load: Callable[[str], Any]) -> Any:
    try:
        return load(str(path))
    except Exception as error:  # torch raises many kinds
        text = " ".join(str(error).split())
        raise TargetError(
            f"{path}: torch cannot load it as a program of {kind} ({text[:200]}); give a file that "
            f"{writer} wrote. Weights alone are for [target] weights"
        ) from error


def _describe(given: Any) -> str:
    if isinstance(given, torch.Tensor):
        return f"{given.dtype} {[*map(str, given.shape)]}"
    return type(given).__name__
