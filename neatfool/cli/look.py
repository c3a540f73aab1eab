"""``neatfool graph``, ``neatfool render`` and ``neatfool report``."""

from __future__ import annotations

from pathlib import Path

import click

from neatfool.cli.output import waiting
from neatfool.cli.parameters import class_argument, out_file_option, run_argument
from neatfool.errors import StorageError
from neatfool.wording import counted

LARGEST_PIECE = 1024
"""Large images are rendered in squares of this side, which bounds the memory."""


@click.command(
    epilog="""\b
Examples:
  neatfool graph runs/mnist-1 3                      (writes 3.svg)
  neatfool graph runs/mnist-1 3 -o three.graphml     (for networkx, Gephi, Cytoscape)

The file's suffix decides the format: .svg, .png, .graphml, .json or .dot.""",
)
@run_argument
@class_argument
@out_file_option("CLASS.svg")
def graph(run_folder: Path, class_name: str, out: Path | None) -> None:
    """Write the CPPN of CLASS's elite (by name or index) as a graph."""
    from neatfool.fooling.opening import open_run
    from neatfool.report import export_graph

    elite = open_run(run_folder).elite(class_name)
    path = out or Path(_file_name(elite.name, ".svg"))
    export_graph(elite.graph(), path)
    nodes, connections = elite.size.nodes, elite.size.connections
    click.echo(
        f"{path}: {counted(nodes, 'node', 'nodes')}, "
        f"{counted(connections, 'connection', 'connections')}"
    )


@click.command(
    epilog="""\b
Examples:
  neatfool render runs/mnist-1 3 --size 1024
  neatfool render runs/mnist-1 3 --size 4096 -o poster.png
  neatfool render runs/imagenet-1 volcano --size 4096 --sharp

A CPPN has no pixels: it renders at any size. With `blur`, the picture is the
same at all of them, as soft as what the classifier saw. --sharp draws all the
detail there is, for posters; to the classifier that is another picture.""",
)
@run_argument
@class_argument
@click.option(
    "--size",
    type=click.IntRange(min=1, max=16384),
    default=512,
    show_default=True,
    metavar="N",
    help="Pixels of the longer side.",
)
@click.option("--sharp", is_flag=True, help="Leave out the blur.")
@out_file_option("CLASS-N.png")
def render(run_folder: Path, class_name: str, size: int, sharp: bool, out: Path | None) -> None:
    """Render the image of CLASS's elite (by name or index) at any size."""
    from PIL import Image
    from rich.console import Console
    from rich.progress import track

    from neatfool.files import replacing
    from neatfool.fooling.opening import open_run
    from neatfool.run.images import to_pillow

    elite = open_run(run_folder).elite(class_name)
    path = out or Path(_file_name(elite.name, f"-{size}.png"))
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is not an image format; use .png", param_hint="--out"
        )
    height, width = elite.height_width(size)
    canvas = Image.new("L" if elite.run.spec.channels == 1 else "RGB", (width, height))
    corners = [
        (left, top)
        for top in range(0, height, LARGEST_PIECE)
        for left in range(0, width, LARGEST_PIECE)
    ]
    console = Console(stderr=True)
    quiet = len(corners) < 4 or not console.is_terminal
    for left, top in track(corners, "rendering", console=console, transient=True, disable=quiet):
        box = (left, top, min(left + LARGEST_PIECE, width), min(top + LARGEST_PIECE, height))
        canvas.paste(to_pillow(elite.pixels((height, width), box, sharp=sharp)), (left, top))
    try:
        with replacing(path) as partial:
            canvas.save(partial, kind)
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}; use .png", param_hint="--out") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    click.echo(f"{path}: {width} x {height}")


@click.command(
    epilog="""\b
Examples:
  neatfool report runs/mnist-1
  neatfool report runs/mnist-1 -o /tmp/mnist.html""",
)
@run_argument
@out_file_option("RUN/report.html")
def report(run_folder: Path, out: Path | None) -> None:
    """Write RUN's report: one HTML file that opens from disk."""
    from neatfool.fooling.opening import open_run
    from neatfool.report import write_report

    with waiting("writing the report"):
        page = write_report(open_run(run_folder), out)
    click.echo(page)


def _file_name(class_name: str, ending: str) -> str:
    from neatfool.run.images import slug

    return f"{slug(class_name) or 'class'}{ending}"
