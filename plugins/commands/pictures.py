"""The commands ``neatfool graph`` and ``render``: files of what formulas draw."""

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


LARGEST_OF_FILE: Final = 8192
"""The most pixels of a side of a file's picture, which is drawn as a whole."""
LARGEST_PIECE: Final = 1024
"""Large images are rendered in squares of this side, which bounds the memory."""


@click.command(
    epilog="""\b
Examples:
  neatfool render runs/mnist-1 3 --size 1024
  neatfool render runs/mnist-1 3 --size 4096 -o poster.png
  neatfool render runs/imagenet-1 volcano --size 4096 --sharp
  neatfool render genome.json                    # as the demo's page saves it
  neatfool render skull.xml -o skull.glsl        # from Picbreeder, as a shader

A CPPN has no pixels: it renders at any size. With `band_limit`, the picture is
the same at all of them. --sharp halves the limit, for twice the detail; to the
classifier that is another picture.

A genome comes from a file as JSON (.json), or from Picbreeder (.xml, or .zip
with one). It is drawn with normalised inputs; a search can begin with a folder
of such files, the key `seed_from` of the scheme map_elites."""
)
@click.argument("source", metavar="RUN|FILE", type=click.Path(path_type=Path, exists=True))
@click.argument("class_name", metavar="[CLASS]", required=False)
@option("--size N", "Pixels of the longer side.", click.IntRange(min=1, max=16384), 512)
@option("--sharp", "Draw twice the detail.")
@option(
    "--colour MAP",
    "The colour map of a file's genome.  [default: grey; of Picbreeder's: hsv]",
    click.STRING,
)
@option("-o, --out FILE", "The file to write.  [default: CLASS-N.png or FILE-N.png]", FileToWrite())
@trust_option
def render(
    source: Path,
    class_name: str | None,
    *,
    size: int,
    sharp: bool,
    colour: str | None,
    out: Path | None,
) -> None:
    """Render an image at any size: that of CLASS's elite (by name or index) in RUN, or of FILE."""
    if source.is_file():
        if class_name is not None or sharp:
            raise click.UsageError("CLASS and --sharp are for a run; a file has one genome")
        if size > LARGEST_OF_FILE:
            raise click.BadParameter(f"at most {LARGEST_OF_FILE} for a file", param_hint="--size")
        _render_file(source, size, colour, out or Path(f"{source.stem}-{size}.png"))
    elif colour is not None:
        raise click.UsageError("--colour is for a file; a run says how its genomes are drawn")
    elif class_name is None:
        raise click.UsageError(f"{source} is a run: say whose image, as `render {source} CLASS`")
    else:
        _render_elite(source, class_name, size, sharp=sharp, out=out)


def _render_file(file: Path, size: int, colour: str | None, path: Path) -> None:
    """Draw the genome in a file; as a picture, or as a program that draws it."""
    from neatfool import cppn, encode_png
    from neatfool.present import save

    formats = (".png", *PROGRAMS)
    if path.suffix.lower() not in formats:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is none of {', '.join(formats)}", param_hint="--out"
        )
    is_json = file.suffix.lower() == ".json"
    colour = colour or ("grey" if is_json else "hsv")
    look = cppn.Look(size, size, inputs="normalised", colour_map=colour)
    try:
        data = file.read_bytes()
        genome = cppn.loads(data.decode()) if is_json else cppn.read_picbreeder(data, look)
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{file}: {error}") from error
    picture = cppn.Picture(genome, look)
    if path.suffix.lower() == ".png":
        save(path, encode_png(picture.pixels().numpy()))
    else:
        _write_program(picture, path, file.name)
    Output().say(f"{path}: {len(genome.nodes):,} nodes, {len(genome.connections):,} connections")


def _render_elite(
    folder: Path, class_name: str, size: int, *, sharp: bool, out: Path | None
) -> None:
    from PIL import Image

    from neatfool import open_run
    from neatfool.present import save
    from neatfool.wording import slug

    run = click.get_current_context().with_resource(closing(open_run(folder)))
    elite = run.elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}-{size}.png")
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in Image.SAVE:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is not the suffix of an image; use .png", param_hint="--out"
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
