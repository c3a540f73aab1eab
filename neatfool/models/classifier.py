"""What is asked of a reader of models, and what it gives: a network with all that belongs to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from neatfool.spec import image_spec

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

    import torch
    from torch import nn

    from neatfool.models.preprocessing import Preprocessing

Outputs: TypeAlias = image_spec.Outputs


@dataclass(frozen=True)
class Request:
    """A model's name, and what replaces or completes what it says of itself.

    Attributes:
        model: Its whole name, as an experiment writes it.
        weights: A file of weights to use in place of its own.
        size: The side of its images, if the model does not say.
        mean: What to subtract from images in [0, 1], if the model does not say.
        std: What to divide by after that.
        output: The name or number of the output that answers, if a file has several.
        outputs: ``"logits"``, ``"probabilities"`` or ``"multi_label"``, if the numbers do not tell.
        dequantise: Whether to compute a dynamically quantised graph in floats.
        gradients: Whether to compute gradients through a copy in PyTorch, if it has none.
        key: The option that names it, for messages.
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
    key: str = "model"

    @property
    def name(self) -> str:
        """What follows the colon of the model's name."""
        return self.model.partition(":")[2]


@dataclass(frozen=True)
class Classifier:
    """A network with its preprocessing and labels.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, ``outputs`` [N, K] out.
        count: The number K of its classes.
        labels: K class names; None if the network has none.
        source: Where its weights come from.
        content: A hash of its file, if its tensors do not hold the weights.
        found: What was found out about its file, in one line.
        copy: The same for torch to differentiate, if another library computes ``module``.
        outputs: What the module gives; None if that is to be found out.
        no_gradients: Why the module has no gradients, and what to do; None if it has.
        traceable: Whether torch can trace the module.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    count: int
    labels: tuple[str, ...] | None
    source: str
    content: str | None = None
    found: str | None = None
    copy: nn.Module | None = None
    outputs: Outputs | None = None
    no_gradients: str | None = None
    traceable: bool = True

    @property
    def differentiable(self) -> nn.Module | None:
        """What torch can differentiate; None if nothing can be."""
        return self.copy if self.no_gradients else self.module

    def digest(self) -> bytes:
        """Hash the weights by the tensors' names, and the preprocessing."""
        digest = sha256(repr((type(self.module).__name__, self.preprocessing)).encode())
        digest.update((self.content or "").encode())
        _hash_tensors(self.module, digest)
        return digest.digest()


@dataclass(frozen=True)
class Tower:
    """A network that looks at images, and perhaps its sister that reads texts.

    Attributes:
        name: The experiment's name for it.
        module: In evaluation mode: floats [N, C, H, W] in, vectors [N, D] out, of any length.
        width: The number D.
        temperature: What it was trained to divide similarities by.
        read: Gives the vectors [T, D] of T texts; None if it cannot read.
        differentiable: Whether torch can differentiate it.
        source: Where its weights come from.
        content: A hash of the weights.
    """

    name: str
    module: nn.Module
    preprocessing: Preprocessing
    width: int
    temperature: float
    read: Callable[[Sequence[str]], torch.Tensor] | None
    differentiable: bool
    source: str
    content: str


def hash_weights(module: nn.Module) -> str:
    """Hash a module's tensors and their names."""
    digest = sha256(type(module).__name__.encode())
    _hash_tensors(module, digest)
    return digest.hexdigest()


def _hash_tensors(module: nn.Module, digest: Hash) -> None:
    import torch

    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
