"""Target ``mnist``: Caffe's LeNet, trained on the real MNIST digits by ``neatfool mnist train``.

This module is what an experiment says of it. :mod:`.lenet` is the network, its weights, and what is
fooled; :mod:`.training` and :mod:`.command` train it, attack it and test it. The package
:mod:`.retrain` teaches it its fooling images.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, FilePath

from neatfool import ImageSpec, hookimpl
from neatfool.network import DeviceName

if TYPE_CHECKING:
    import click

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


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    register("mnist", f"{__name__}.lenet:MnistTarget", options=Options)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool mnist``."""
    from .command import mnist

    cli.add_command(mnist)
