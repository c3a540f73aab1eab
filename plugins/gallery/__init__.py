"""The command ``neatfool gallery``: a page that draws elites from their formulas, in a browser.

The modules: :mod:`.formula` turns a genome into numbers for a browser, :mod:`.networks` writes them
with their ancestors, :mod:`.contents` gathers what else the page shows, :mod:`.folder` writes it
all with the saved images, and :mod:`.command` is the command. The page itself lies in
``page/``: plain JavaScript, loaded file by file, in the order of ``index.html``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool gallery``."""
    from .command import gallery

    cli.add_command(gallery)
