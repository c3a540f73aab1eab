"""The command ``neatfool ablate``: which parts of an image, and of its network, fool.

For Python: :func:`weigh_graph` gives an elite's graph with the importance of each node and
connection, :func:`without_node` and :func:`without_connection` take a graph apart, and
:func:`find_repetition` finds how a picture repeats itself.

The modules: :mod:`.periods` finds repeated parts, :mod:`.hiding` hides parts of an image, and
:mod:`.graphs` takes parts of a network away. :mod:`.asking` scores what is left, :mod:`.ablation`
puts these together, and :mod:`.keeping` keeps what is finished. :mod:`.wording` says what came out,
:mod:`.files` writes it for programs, and :mod:`.page` as a page with charts.
:mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

if TYPE_CHECKING:
    import click

    from .graphs import weigh_graph, without_connection, without_node
    from .periods import find_repetition

__all__ = ["find_repetition", "weigh_graph", "without_connection", "without_node"]


def __getattr__(name: str) -> Any:
    """Import what is used: the command line must start without heavy modules."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = "periods" if name == "find_repetition" else "graphs"
    return getattr(import_module(f"{__name__}.{module}"), name)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool ablate``."""
    from .command import ablate

    cli.add_command(ablate)
