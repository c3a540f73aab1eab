"""The command ``neatfool breed``: a page on which a person breeds images by eye.

:mod:`.scheme` is the search that a person leads, :mod:`.app` the page's server, and
:mod:`.session` begins a session or goes on with one.
"""

from pathlib import Path
from typing import Annotated, Any

import click

from neatfool import ExperimentError, hookimpl
from neatfool.present import make_command, trust_option


@trust_option
@make_command
def breed(
    source: Annotated[Path | None, "[RUN|FILE]", click.Path(path_type=Path, exists=True)] = None,
    class_name: Annotated[str | None, "[CLASS]"] = None,
    *,
    target: Annotated[str | None, "FILE"] = None,
    size: Annotated[int | None, "N", click.IntRange(8, 2048)] = None,
    colour: Annotated[str | None, "MAP"] = None,
    seed: Annotated[int | None, "N", click.IntRange(min=0)] = None,
    out: Annotated[Path | None, "DIR"] = None,
    port: Annotated[int | None, "N", click.IntRange(0, 65535)] = None,
    show: Annotated[bool, "--open"] = False,
) -> None:
    """Breed images by eye, on a page in your browser.

    Begin with random pictures, with those of a genome, or with the elite of CLASS in RUN; or go on
    with the session in RUN.

    Args:
        source: A run, or a file with a genome.
        class_name: The class, by name or index.
        target: An experiment, by file or name, whose target says what it takes each picture for. A
            new session has images of its size.
        size: Pixels of a side of kept images.  [default: 128]
        colour: The colour map.  [default: oklab; of a file's genome as in `render`]
        seed: Other first pictures for each N.  [default: the folder's number]
        out: The session's folder.  [default: runs/breed-N, a new one]
        port: The page's port.  [default: any that is free]
        show: Open the page in the browser.

    Examples:
        neatfool breed --open                    # begin with random pictures
        neatfool breed runs/breed-1              # go on with a session
        neatfool breed runs/mnist-1 3            # begin with an image of any run
        neatfool breed skull.xml                 # or with a genome of Picbreeder's
        neatfool breed --target mnist --open     # see what a network takes them for

        Choose the pictures that you like, and then *Next generation*: it shows their
        children. *Keep* gives a picture a name. All of it is recorded as you go on, so
        closing the page, Ctrl-C or a crash loses nothing. A session is a run: `graph`,
        `render`, `gallery`, `ancestry` and `export` take it. Genomes come from files as
        in `neatfool render`. It needs `pip install 'neatfool[serve]'`.
    """
    try:
        from .session import breed_by_eye
    except ImportError as error:
        raise ExperimentError(
            f"neatfool breed needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error
    how: Any = {"target": target, "size": size, "colour": colour, "seed": seed, "out": out}
    breed_by_eye(source, class_name, port=port, show=show, **how)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool breed``."""
    cli.add_command(breed)
