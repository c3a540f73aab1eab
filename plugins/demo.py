"""The command ``neatfool demo``: ten images of nothing, and a page about them, in seconds."""

import webbrowser
from pathlib import Path

import click

from neatfool import hookimpl
from neatfool.present import Output, option


@click.command(
    epilog="""\b
Examples:
  neatfool demo
  neatfool demo --open        # and open the page in the browser
  neatfool show neatfool-demo # what the images are"""
)
@option(
    "--out DIR",
    "The folder of images and page, the only thing that is written.",
    default=Path("neatfool-demo"),
)
@option("--open", "Open the page in the browser.", into="show")
@click.pass_context
def demo(context: click.Context, *, out: Path, show: bool) -> None:
    """Fool a network that reads handwritten digits: ten images of nothing, and a page about them.

    It is `neatfool run mnist`, in another folder.
    """
    main, page = context.find_root().command, out / "report.html"
    assert isinstance(main, click.Group)
    if page.exists():
        Output().say(f"Look at {page}")
    elif run := main.get_command(context, "run"):
        context.invoke(run, file=Path("mnist"), out=out)
    if show:
        webbrowser.open(page.absolute().as_uri())


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool demo``."""
    cli.add_command(demo)
