"""Networks in files of torch that hold their program: TorchScript, and ``torch.export``.

To read either can run what is in it. So only files of a source that one trusts belong here.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import nn

from neatfool import PrefixedPath, Register, TargetError, hookimpl, models


class TorchScript(models.ClassifierFormat):
    """What ``torch.jit.save`` wrote, which does not say what it takes: its size must be given."""

    forms = ("torchscript:FILE",)
    path = PrefixedPath("torchscript:", runs_code=True)
    endings = (".pt", ".pth", ".ts")

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        load = partial(torch.jit.load, map_location="cpu")
        path, program = _read(name, "TorchScript", "torch.jit.save", load)
        return models.load_file(TorchModule(path, program.eval(), models.Input()), request)


class TorchExport(models.ClassifierFormat):
    """What ``torch.export.save`` wrote."""

    forms = ("export:FILE",)
    path = PrefixedPath("export:", runs_code=True)
    endings = (".pt2",)

    def classifier(self, name: str, request: models.Request) -> models.Classifier:
        """Load the file ``name``; ``request`` says what it does not."""
        if not name.endswith(".pt2") and Path(name).expanduser().exists():
            raise ValueError("is not called .pt2; give a file that torch.export.save wrote")
        path, program = _read(name, "torch.export", "torch.export.save", torch.export.load)
        wanted = program.graph_signature.user_inputs
        nodes = {node.name: node for node in program.graph.nodes}
        inputs = [nodes[each].meta["val"] for each in wanted if isinstance(each, str)]
        if len(inputs) != 1 or not isinstance(inputs[0], torch.Tensor) or inputs[0].ndim != 4:
            described = ", ".join("x".join(map(str, getattr(e, "shape", [e]))) for e in inputs)
            raise TargetError(f"{path}: takes {described}; export one that takes only images")
        sizes = tuple(size if isinstance(size, int) else None for size in inputs[0].shape)
        given = models.Input(sizes, inputs[0].dtype)
        return models.load_file(TorchModule(path, program.module(), given), request)


class TorchModule(models.FileModule):
    """A program of torch in a file, with gradients."""

    by = f"torch {torch.__version__}"
    traceable = True
    no_gradients = None

    def __init__(self, path: Path, program: nn.Module, given: models.Input) -> None:
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


def _read(name: str, kind: str, writer: str, load: Callable[[str], Any]) -> tuple[Path, Any]:
    path = Path(name).expanduser()
    if not path.exists():
        raise ValueError(f"there is no such file; give the path of a file that {writer} wrote")
    remedy = f"give a file of {writer}, not of torch.save. Weights alone are for [target] weights"
    with models.reading(f"{path}: torch cannot load it as a program of {kind}", remedy):
        program = load(str(path))
    return path, program


@hookimpl
def neatfool_register_models(register: Register) -> None:
    """Register both kinds."""
    register("torchscript", TorchScript)
    register("export", TorchExport)
