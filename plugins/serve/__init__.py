"""The command ``neatfool serve``: a target for other machines, by the Open Inference Protocol v2.

:class:`.target_thread.TargetThread` makes and calls an experiment's target in its own thread,
through a scorer as a run uses it (:mod:`.served`). A small web application (:mod:`.app`) reads
requests and writes answers (:mod:`.requests`, :mod:`.responses`). :mod:`.listening` connects it to
the network, and :mod:`.command` is the command. The package
:mod:`.watch`, which shows runs, listens in the same way.

Needs starlette, uvicorn and orjson: ``pip install 'neatfool[serve]'``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool import hookimpl

if TYPE_CHECKING:
    import click


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool serve``."""
    from .command import serve

    cli.add_command(serve)
