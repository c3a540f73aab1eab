"""The command ``neatfool ancestry``: what a run's lineage tells of the network.

The modules: :mod:`.kinds` knows which classes are related, from WordNet or from a table of yours.
:mod:`.flows` counts goal switches between classes, and :mod:`.lines` reads the ancestors that
elites share. :mod:`.likeness` compares images. :mod:`.chance` says whether what was found is more
than chance.
:mod:`.fracture` sweeps the weights of CPPNs, and :mod:`.sweeping` chooses which. :mod:`.ancestry`
puts these together. :mod:`.wording` says what came out, :mod:`.files` writes it for programs, and
:mod:`.page` as a page with :mod:`.charts`. :mod:`.command` is the command.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool ancestry``."""
    from .command import ancestry

    cli.add_command(ancestry)
