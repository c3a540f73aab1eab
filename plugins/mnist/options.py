"""Options of the target ``mnist``, and the images that it takes."""

from pathlib import Path
from typing import Final

from pydantic import BaseModel, FilePath

from neatfool import ImageSpec
from neatfool.network import DeviceName

SPEC: Final = ImageSpec(28, 28, 1, tuple("0123456789"), array="torch")
"""The images that a LeNet takes, white ink on black, and its classes."""
WITH_FOOLING: Final = ImageSpec(28, 28, 1, (*SPEC.classes, "fooling"), array="torch")
"""The same with an eleventh class, of a network that learnt fooling images as one."""
RECOGNISED: Final = 0.9
"""A network must recognise this share of the packaged digits, or it is not worth fooling."""


class Options(BaseModel, extra="forbid", use_attribute_docstrings=True):
    """Options of the target ``mnist``."""

    weights: FilePath | None = None
    """a safetensors file of another LeNet's weights, as `neatfool mnist train` writes it, or of one
    with the eleventh class `fooling`, as `neatfool retrain` does. If left out, the packaged
    weights"""
    device: DeviceName = "auto"
    """where the network computes. `auto` takes the GPU if there is one; else PyTorch's name of a
    device: `cpu`, `cuda`, `xpu`, `mps`"""

    def spec(self) -> ImageSpec:
        """Tell what the target takes: its weights have the class "fooling", or not."""
        return SPEC if self.weights is None else read_spec(self.weights.expanduser())


def read_spec(weights: Path) -> ImageSpec:
    """Tell what the LeNet of a file takes; loading a file that holds none says what is wrong."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(weights, framework="np") as file:
            outputs = file.get_slice("fc2.bias").get_shape()
    except (OSError, SafetensorError):
        return SPEC
    return WITH_FOOLING if outputs == [11] else SPEC
