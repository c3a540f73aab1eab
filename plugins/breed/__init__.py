"""The command ``neatfool breed``: a page on which a person breeds images by eye.

:mod:`.scheme` is the search that a person leads, :mod:`.app` the page's server, and
:mod:`.session` begins a session or goes on with one.
"""

from pathlib import Path
from typing import Any

import click

from neatfool import ExperimentError, hookimpl
from neatfool.present import option, trust_option


@click.command(
    epilog="""\b
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
in `neatfool render`. It needs `pip install 'neatfool[serve]'`."""
)
@click.argument(
    "source", metavar="[RUN|FILE]", required=False, type=click.Path(path_type=Path, exists=True)
)
@click.argument("class_name", metavar="[CLASS]", required=False)
@option(
    "--target FILE",
    "An experiment, by file or name, whose target says what it takes each picture for. A new "
    "session has images of its size.",
    str,
)
@option("--size N", "Pixels of a side of kept images.  [default: 128]", click.IntRange(8, 2048))
@option("--colour MAP", "The colour map.  [default: oklab; of a file's genome as in `render`]", str)
@option(
    "--seed N",
    "Other first pictures for each N.  [default: the folder's number]",
    click.IntRange(min=0),
)
@option("--out DIR", "The session's folder.  [default: runs/breed-N, a new one]")
@option("--port N", "The page's port.  [default: any that is free]", click.IntRange(0, 65535))
@option("--open", "Open the page in the browser.", into="show")
@trust_option
def breed(source: Path | None, class_name: str | None, **how: Any) -> None:
    """Breed images by eye, on a page in your browser.

    Begin with random pictures, with those of a genome, or with the elite of CLASS in RUN; or go on
    with the session in RUN.
    """
    try:
        from .session import breed_by_eye
    except ImportError as error:
        raise ExperimentError(
            f"neatfool breed needs more packages ({error}); pip install 'neatfool[serve]'"
        ) from error
    breed_by_eye(source, class_name, **how)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool breed``."""
    cli.add_command(breed)
