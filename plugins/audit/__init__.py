"""The command ``neatfool audit``: a classifier's report card.

The modules: :mod:`.searching` runs the search, with several seeds. :mod:`.found` reads what the
runs found, and :mod:`.measuring` what survives, what transfers and what a detector catches.
:mod:`.card` holds the card, which :mod:`.references` compares with those of known networks.
:mod:`.wording` says it in words, and :mod:`.page` as a page with charts. :mod:`.command` is
the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool audit``."""
    from .command import audit

    cli.add_command(audit)
