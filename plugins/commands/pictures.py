"""The commands ``neatfool graph``, ``picbreeder`` and ``render``: files of what formulas draw."""

from contextlib import closing
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Any, Final

import click

from neatfool import ExperimentError, StorageError
from neatfool.present import FileToWrite, Output, option, trust_option


@click.command(
    epilog="""\b
Examples:
  neatfool graph runs/mnist-1 3                      # writes 3.svg
  neatfool graph runs/mnist-1 3 -o three.graphml     # for networkx, Gephi, Cytoscape
  neatfool graph runs/mnist-1 3 -o three.onnx        # draws the picture at any size
  neatfool graph runs/mnist-1 3 -o three.glsl        # a shader for Shadertoy, three.js

The file's suffix decides the format: .svg, .png, .graphml or .json
describe the network; .onnx, .glsl and .frag are programs that draw its picture.
.onnx needs `pip install 'neatfool[onnx]'`. Its input `size` is the height and
width in pixels, int64 [2]; its output `image` is uint8 [C, H, W]."""
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("class_name", metavar="CLASS")
@option("-o, --out FILE", "The file to write.  [default: CLASS.svg]")
@trust_option
def graph(run_folder: Path, class_name: str, out: Path | None) -> None:
    """Write the CPPN of CLASS's elite (by name or index) for other programs."""
    from neatfool import open_run
    from neatfool.present import export_graph
    from neatfool.wording import counted, slug

    run = click.get_current_context().with_resource(closing(open_run(run_folder)))
    elite = run.elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}.svg")
    if path.suffix.lower() in PROGRAMS:
        _write_program(elite.picture(), path, f"{elite.name}: {elite.run.path.name}")
    else:
        try:
            export_graph(elite.graph(), path)
        except ExperimentError as error:
            raise ExperimentError(f"{error}, or for the picture {', '.join(PROGRAMS)}") from None
    nodes = counted(elite.size.nodes, "node", "nodes")
    edges = counted(elite.size.connections, "connection", "connections")
    Output().say(f"{path}: {nodes}, {edges}")


PROGRAMS: Final = (".onnx", ".glsl", ".frag")
"""The suffixes of programs that draw a picture."""


def _write_program(picture: Any, path: Path, title: str) -> None:
    from neatfool import cppn
    from neatfool.present import save

    if path.suffix.lower() == ".onnx":
        save(path, cppn.to_onnx(picture, title=title))
    else:
        save(path, cppn.to_glsl(picture, title=title).encode("ascii"))


@click.command(
    epilog="""\b
Examples:
  neatfool picbreeder skull.xml                  # writes skull.png
  neatfool picbreeder rep.zip --size 1024 -o apple.png
  neatfool picbreeder skull.xml -o skull.glsl    # a shader; .onnx: a model

A search can begin with such files: put them into a folder, and set
`seed_from` of the scheme map_elites to it. A network with a cycle is refused,
as are functions that Picbreeder did not have."""
)
@click.argument(
    "file", metavar="FILE", type=click.Path(path_type=Path, exists=True, dir_okay=False)
)
@option("--size N", "Pixels of each side.", click.IntRange(min=1, max=8192), 512)
@option("-o, --out FILE", "The file to write.  [default: FILE.png]", FileToWrite())
def picbreeder(file: Path, size: int, out: Path | None) -> None:
    """Draw the picture of FILE, a genome of Picbreeder (XML, or the ZIP archive of one)."""
    from neatfool import cppn, encode_png
    from neatfool.present import save

    path = out or Path(f"{file.stem}.png")
    formats = (".png", *PROGRAMS)
    if path.suffix.lower() not in formats:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is none of {', '.join(formats)}", param_hint="--out"
        )
    look = cppn.Look(size, size, inputs="normalised", colour_map="hsv")
    try:
        genome = cppn.read_picbreeder(file.read_bytes(), look)
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{file}: {error}") from error
    picture = cppn.Picture(genome, look)
    if path.suffix.lower() == ".png":
        save(path, encode_png(picture.pixels().numpy()))
    else:
        _write_program(picture, path, file.name)
    Output().say(f"{path}: {len(genome.nodes):,} nodes, {len(genome.connections):,} connections")


LARGEST_PIECE: Final = 1024
"""Large images are rendered in squares of this side, which bounds the memory."""


@click.command(
    epilog="""\b
Examples:
  neatfool render runs/mnist-1 3 --size 1024
  neatfool render runs/mnist-1 3 --size 4096 -o poster.png
  neatfool render runs/imagenet-1 volcano --size 4096 --sharp

A CPPN has no pixels: it renders at any size. With `band_limit`, the picture is
the same at all of them. --sharp halves the limit, for twice the detail; to the
classifier that is another picture."""
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("class_name", metavar="CLASS")
@option("--size N", "Pixels of the longer side.", click.IntRange(min=1, max=16384), 512)
@option("--sharp", "Draw twice the detail.")
@option("-o, --out FILE", "The file to write.  [default: CLASS-N.png]", FileToWrite())
@trust_option
def render(run_folder: Path, class_name: str, size: int, sharp: bool, out: Path | None) -> None:
    """Render the image of CLASS's elite (by name or index) at any size."""
    from PIL import Image

    from neatfool import open_run
    from neatfool.present import save
    from neatfool.wording import slug

    run = click.get_current_context().with_resource(closing(open_run(run_folder)))
    elite = run.elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}-{size}.png")
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is not an image format; use .png", param_hint="--out"
        )
    height, width = elite.height_width(size)
    grey = elite.run.spec.channels == 1
    canvas = Image.new("L" if grey else "RGB", (width, height))
    with Output(stderr=True).progress(width * height, "pixels") as note:
        corners = product(range(0, height, LARGEST_PIECE), range(0, width, LARGEST_PIECE))
        for top, left in corners:
            box = (left, top, min(left + LARGEST_PIECE, width), min(top + LARGEST_PIECE, height))
            pixels = elite.pixels((height, width), box, sharp=sharp)
            piece = Image.fromarray(pixels[0] if grey else pixels.transpose(1, 2, 0).copy())
            canvas.paste(piece, (left, top))
            note("rendering", piece.width * piece.height)
    encoded = BytesIO()
    try:
        canvas.save(encoded, kind)
    except ValueError as error:
        raise click.BadParameter(f"{path}: {error}; use .png", param_hint="--out") from error
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error
    save(path, encoded.getvalue())
    Output().say(f"{path}: {width} x {height}")
