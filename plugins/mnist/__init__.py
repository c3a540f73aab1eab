"""Target ``mnist``: Caffe's LeNet, trained on the real MNIST digits by ``neatfool mnist train``.

The modules: :mod:`.lenet` is the network and its weights, :mod:`.target` what is fooled,
:mod:`.digits` the few real digits it is checked on; :mod:`.idx`, :mod:`.dataset`,
:mod:`.training` and :mod:`.command` train it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from neatfool import ImageSpec, hookimpl

if TYPE_CHECKING:
    import click

    from .target import MnistTarget


SPEC = ImageSpec(28, 28, 1, tuple("0123456789"), array="torch")
"""The images that a LeNet takes, white ink on black, and its classes."""


class Options(BaseModel, extra="forbid"):
    """Options of the target ``mnist``."""

    weights: Path | None = Field(
        None,
        description="a safetensors file of another LeNet's weights, as `neatfool mnist train` "
        "writes it. If left out, the packaged weights",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where the network computes. `auto` takes the GPU if there is one"
    )

    def spec(self) -> ImageSpec:
        """Tell what the target takes, whatever its weights."""
        return SPEC


def _target(options: Options) -> MnistTarget:
    from .target import MnistTarget

    return MnistTarget(options)


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Offer the target."""
    register("mnist", _target, options=Options)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool mnist``."""
    from .command import mnist

    cli.add_command(mnist)
