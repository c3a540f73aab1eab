"""Options of the target ``mnist``."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import BaseModel, FilePath

from neatfool import ImageSpec

SPEC: Final = ImageSpec(28, 28, 1, tuple("0123456789"), array="torch")
"""The images that a LeNet takes, white ink on black, and its classes."""
FOOLING: Final = "fooling"
"""The eleventh class, of a network that learnt fooling images as one."""
WITH_FOOLING: Final = ImageSpec(28, 28, 1, (*SPEC.classes, FOOLING), array="torch")


def count_outputs(weights: Path) -> int:
    """Count the outputs of a LeNet in a file: 11 if it has the class "fooling", else 10.

    A file that holds no LeNet counts as 10: loading it says what is wrong with it.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="np") as file:
            outputs = file.get_slice("fc2.bias").get_shape()
    except (OSError, SafetensorError):
        return len(SPEC.classes)
    return len((WITH_FOOLING if outputs == [11] else SPEC).classes)


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the target ``mnist``."""

    weights: FilePath | None = None
    """a safetensors file of another LeNet's weights, as `neatfool mnist train` writes it, or of one
    with the eleventh class `fooling`, as `neatfool retrain` does. If left out, the packaged
    weights"""
    device: str = "auto"
    """where the network computes. `auto` takes the GPU if there is one; else PyTorch's name of a
    device: `cpu`, `cuda`, `xpu`, `mps`"""

    def spec(self) -> ImageSpec:
        """Tell what the target takes: its weights have the class "fooling", or not."""
        if self.weights is None or count_outputs(self.weights.expanduser()) == len(SPEC.classes):
            return SPEC
        return WITH_FOOLING
