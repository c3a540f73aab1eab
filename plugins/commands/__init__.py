"""Commands of one module each, which read runs: ``neatfool NAME`` is ``NAME`` in ``NAME.py``.

A module that lies here is a command, a package if it has pages; nothing else lists it.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add the command of each module."""
    for module in iter_modules(__path__):
        cli.add_command(getattr(import_module(f"{__name__}.{module.name}"), module.name))
