"""The command ``neatfool detect``: what would detectors of the unfamiliar have caught?

The modules: :mod:`.detection` asks the detectors of the package ``guarded`` about images, and
:mod:`.seen` is a run with what they say. :mod:`.wording` says it in words, :mod:`.files` writes it
for programs, and :mod:`.page` as a page with charts. :mod:`.command` is the command.

Other plugins may use ``detect`` and what belongs to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from neatfool import hookimpl

if TYPE_CHECKING:
    import click

    from ..guarded.names import DETECTORS
    from .detection import KEPT, Detection, Row, detect
    from .files import to_json

__all__ = ["DETECTORS", "KEPT", "Detection", "Row", "detect", "to_json"]


def __getattr__(name: str) -> Any:
    """Import on demand, so that the command line does not wait for torch."""
    from importlib import import_module

    if name not in __all__:
        raise AttributeError(name)
    module = ".files" if name == "to_json" else ".detection"
    return getattr(import_module(module, __name__), name)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool detect``."""
    from .command import detect as command

    cli.add_command(command)
