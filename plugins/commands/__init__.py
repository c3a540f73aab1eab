"""Commands that read runs: each ``click.Command`` in a module that lies here, or in a package."""

from importlib import import_module
from pkgutil import iter_modules

import click

from neatfool import hookimpl


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add the commands of each module."""
    for module in iter_modules(__path__):
        for value in vars(import_module(f"{__name__}.{module.name}")).values():
            if isinstance(value, click.Command):
                cli.add_command(value)
