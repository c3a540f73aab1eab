"""Target ``mnist``: Caffe's LeNet, trained on the real MNIST digits by ``neatfool mnist train``.

The modules: :mod:`.lenet` is the network, its weights, and what is fooled, :mod:`.options` what an
experiment says of it; :mod:`.training` and :mod:`.command` train it, attack it and test it. The
package :mod:`.retrain` teaches it its fooling images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_register_targets(register: Any) -> None:
    """Register the target."""
    from .options import Options

    register("mnist", f"{__name__}.lenet:MnistTarget", options=Options)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool mnist``."""
    from .command import mnist

    cli.add_command(mnist)
