"""The command ``neatfool compare``: groups of runs side by side, and whether they differ.

The modules: :mod:`.course` reads a run, :mod:`.groups` puts together those that differ only in
their seed, :mod:`.comparison` compares the groups in what :mod:`.measures` lists. :mod:`.wording`
says what came out, :mod:`.files` writes it for programs, and :mod:`.page` as a page with
charts, whose letters and colours :mod:`.keys` chooses. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool compare``."""
    from .command import compare

    cli.add_command(compare)
