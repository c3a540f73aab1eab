"""Say how often people recognise images, from the ANSWERS that a quiz saved.

The command ``neatfool quiz`` writes a page that asks people what they see.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import Register, hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool quiz``."""
    from .command import quiz

    cli.add_command(quiz)


@hookimpl
def neatfool_register_measures(register: Register) -> None:
    """Register the measure ``recognise``, which reads the answers."""
    register("recognise", f"{__name__}.recognition:recognise")
