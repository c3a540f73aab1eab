"""The command ``neatfool demo``: ten meaningless images in seconds, here or in a browser."""

from pathlib import Path

import click

from neatfool import hookimpl, present
from neatfool.present import option, save


@click.command(
    epilog="""\b
Examples:
  neatfool demo
  neatfool demo --open        # and open the page in the browser
  neatfool show neatfool-demo # what the images are
  neatfool demo --page fool.html --open
  npm pack onnxruntime-web@1.30.0
  neatfool demo --page site/fool.html --onnx onnxruntime-web-1.30.0.tgz
  python -m http.server --directory site  # such a page needs a server"""
)
@option(
    "--out DIR",
    "The folder of images and page, the only thing that is written.",
    default=Path("neatfool-demo"),
)
@option("--page FILE", "Write the page that searches in the browser, and do no more.")
@option(
    "--onnx PACKAGE",
    "With --page: onnxruntime-web, as npm packs it. It is put beside the page, which then fools "
    "ONNX files of your own, too.",
)
@option("--open", "Open the page in the browser.", into="show")
@click.pass_context
def demo(
    context: click.Context, *, out: Path, page: Path | None, onnx: Path | None, show: bool
) -> None:
    """Fool a digit classifier within seconds, as a first look.

    It is `neatfool run mnist`, in another folder. With --page it is one file in place of that: a
    page that does the same in anybody's browser while they watch, and sends nothing anywhere.
    """
    if onnx is not None and page is None:
        raise click.UsageError("--onnx goes with --page FILE, beside which it is put")
    main = context.find_root().command
    assert isinstance(main, click.Group)
    if page is not None:
        from .onnxruntime_web import FOLDER, unpack
        from .page import make_page

        if onnx is not None:
            unpack(onnx, page.parent / FOLDER)
        save(page, make_page(engine=onnx is not None).encode())
        present.Output().say(f"Look at {page}")
    elif (page := out / "report.html").exists():
        present.Output().say(f"Look at {page}")
    elif run := main.get_command(context, "run"):
        context.invoke(run, file=Path("mnist"), out=out)
    if show:
        import webbrowser

        webbrowser.open(page.absolute().as_uri())


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool demo``."""
    cli.add_command(demo)
