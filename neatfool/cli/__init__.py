"""The command line: ``neatfool``."""

import atexit
import gc
import logging

import click

from neatfool import __version__
from neatfool.cli.main_group import MainGroup
from neatfool.machine import collected_rarely
from neatfool.present.command import option

__all__ = ["main"]

# A process that ends gives all back. Python would search torch's objects for cycles once more,
# which takes more than half a second.
atexit.register(gc.freeze)


@click.group(
    "neatfool",
    cls=MainGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
Examples:
  neatfool run experiments/mnist.ini      # fool a digit classifier
  neatfool show runs/mnist-1              # see how far it came
  neatfool plugins new target mine        # begin with a classifier of your own

Exit codes: 0 all went well, 2 wrong input, 3 a plugin, 4 the target, 5 the run folder,
6 the disk, 7 images do not verify, 8 no budget, 9 too easily fooled, 130 interrupted, 1 out of
memory, or a bug.""",
)
@option(
    "--debug",
    "Show where in the code an error happened, and what makes neatfool slower.",
    envvar="NEATFOOL_DEBUG",
    show_envvar=True,
)
@click.version_option(__version__, prog_name="neatfool")
@click.pass_context
def main(context: click.Context, debug: bool) -> None:
    """See how easily an image classifier is fooled.

    Starting from random patterns, not photographs, neatfool evolves images that the classifier
    labels with more than 99 % confidence.

    Begin with `neatfool demo`, or with one of the files that `neatfool experiments` lists. Each
    command has a help with examples: `neatfool run --help`.
    """
    # Importing torch makes many objects and no garbage; so does a report.
    context.with_resource(collected_rarely())
    # Without a home folder matplotlib warns about its cache, though it works.
    logging.getLogger("matplotlib").addHandler(logging.NullHandler())
