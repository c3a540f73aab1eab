"""The commands ``neatfool graph`` and ``render``: files of what formulas draw."""

from contextlib import closing
from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Annotated, Any, Final

import click

from neatfool import StorageError, present
from neatfool.present import FileToWrite, make_command, trust_option

GRAPHS: Final = (".svg", ".png", ".graphml")
"""The suffixes of graphs, which other encodings may have, too."""


@trust_option
@make_command
def graph(
    source: Annotated[Path, "RUN|FILE"],
    class_name: Annotated[str | None, "[CLASS]"] = None,
    *,
    out: Annotated[Path | None, "-o, --out FILE"] = None,
) -> None:
    """Write an image's network for other programs.

    It is that of CLASS's elite (by name or index) in RUN, or of the genome in FILE.

    Args:
        source: A run, or a file with a network.
        class_name: The class, by name or index.
        out: The file to write.  [default: CLASS.svg or FILE.svg]

    Examples:
        neatfool graph runs/mnist-1 3                      # writes 3.svg
        neatfool graph runs/mnist-1 3 -o three.graphml     # for networkx, Gephi, Cytoscape
        neatfool graph runs/mnist-1 3 -o three.py          # a PyTorch module
        neatfool graph runs/mnist-1 3 -o three.onnx        # draws the picture at any size
        neatfool graph winner.json                         # of neat-python; writes winner.svg
        neatfool graph skull.xml -o skull.json             # from Picbreeder to neat-python

        The file's suffix decides the format: .svg and .png draw the network, .graphml
        and .json (neat-python's) describe it, .py is the source of a PyTorch module;
        .onnx, .glsl and .frag are programs that draw its picture.

        FILE is JSON of neat-python (`neat.export`), a genome of Picbreeder (.xml, or
        .zip with one) or one of neatfool. Its .onnx computes the network, and not a
        picture. .onnx needs `pip install 'neatfool[onnx]'`.
    """
    from neatfool import cppn, open_run
    from neatfool.wording import slug

    given: Any
    if source.is_file():
        if class_name is not None:
            raise click.UsageError("CLASS is for a run; a file has one network")
        given, stem, title = cppn.read(source), source.stem, source.name
        size = given.genome.size()
    else:
        run = click.get_current_context().with_resource(closing(open_run(source)))
        if class_name is None:
            fault = f"{source} is a run: say whose network, as `graph {source} CLASS`"
            raise click.UsageError(fault)
        elite = run.elite(class_name)
        is_graph = out is None or out.suffix.lower() in GRAPHS
        given = elite.graph() if is_graph else elite.picture()
        stem, title = slug(elite.name) or "class", f"{elite.name}: {elite.run.path.name}"
        size = elite.size.nodes, elite.size.connections
    path = cppn.write(given, out or Path(f"{stem}.svg"), title=title)
    _say_size(path, size)


def _say_size(path: Path, size: tuple[int, int]) -> None:
    from neatfool.wording import counted

    nodes, edges = counted(size[0], "node", "nodes"), counted(size[1], "connection", "connections")
    present.Output().say(f"{path}: {nodes}, {edges} that are enabled")


LARGEST_OF_FILE: Final = 8192
"""The most pixels of a side of a file's picture, which is drawn as a whole."""
LARGEST_PIECE: Final = 1024
"""Large images are rendered in squares of this side, which bounds the memory."""


@trust_option
@make_command
def render(
    source: Annotated[Path, "RUN|FILE", click.Path(path_type=Path, exists=True)],
    class_name: Annotated[str | None, "[CLASS]"] = None,
    *,
    size: Annotated[int | None, "N", click.IntRange(min=1, max=16384)] = None,
    sharp: bool = False,
    colour: Annotated[str | None, "MAP"] = None,
    out: Annotated[Path | None, "-o, --out FILE", FileToWrite()] = None,
    ancestry: Annotated[Path | None, "FILE", FileToWrite()] = None,
) -> None:
    """Draw an image at any size.

    It is that of CLASS's elite (by name or index) in RUN, or of the genome in FILE.

    Args:
        source: A run, or a file with a genome.
        class_name: The class, by name or index.
        size: Pixels of the longer side; of a film at most 720.  [default: 512; of a film 256]
        sharp: Draw twice the detail.
        colour: The colour map of FILE's genome.  [default: grey; of three outputs: hsv]
        out: The file to write.  [default: CLASS-N.png or FILE-N.png]
        ancestry: Write a film of the elite's ancestors instead.

    Examples:
        neatfool render runs/mnist-1 3 --size 1024
        neatfool render runs/mnist-1 3 --size 4096 -o poster.png
        neatfool render runs/imagenet-1 volcano --size 4096 --sharp
        neatfool render runs/mnist-1 3 --ancestry line.gif   # how it came to be
        neatfool render genome.json                    # as the demo's page saves it
        neatfool render skull.xml -o skull.png         # of Picbreeder

        A CPPN has no pixels: it renders at any size. With `band_limit`, the picture is
        the same at all of them. --sharp halves the limit, for twice the detail; to the
        classifier that is another picture.

        --ancestry writes a film of the elite's ancestors, from the first random one
        on, with generation and confidence below: .gif, .webp, .png (animated), or .mp4
        if ffmpeg is installed. Of a long line it shows 40 pictures, chosen so that from
        each to the next the image changes about equally.

        FILE is a genome of neatfool, of neat-python (JSON of `neat.export`, of up to
        four inputs) or of Picbreeder (.xml, or .zip with one). It is drawn with
        normalised inputs; a search can begin with a folder of such files, the key
        `seed_from` of the scheme map_elites.
    """
    if ancestry is not None and (source.is_file() or sharp or out or class_name is None):
        raise click.UsageError("--ancestry is for RUN CLASS, without --sharp and --out")
    if ancestry is not None and colour is None:
        _render_line(source, str(class_name), size or 256, ancestry)
        return
    size = size or 512
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
    """Draw the genome in a file."""
    from neatfool import cppn, encode_png
    from neatfool.present import save

    if path.suffix.lower() != ".png":
        fault = f"{path}: a file's picture is a .png; `neatfool graph` writes programs that draw it"
        raise click.BadParameter(fault, param_hint="--out")
    look = colour and cppn.Look(size, size, inputs="normalised", colour_map=colour)
    network = cppn.read(file, look=look or None)
    save(path, encode_png(network.picture(size, colour).pixels()))
    _say_size(path, network.genome.size())


def _render_line(folder: Path, class_name: str, size: int, path: Path) -> None:
    from neatfool import open_run
    from neatfool.present import write_animation
    from neatfool.wording import counted

    run = click.get_current_context().with_resource(closing(open_run(folder)))
    line = run.lineage(class_name)
    write_animation(line, path, size=size, console=present.Output(stderr=True))
    first, last = line[-1].generation, line[0].generation
    ancestors = counted(len(line) - 1, "ancestor", "ancestors")
    present.Output().say(f"{path}: {ancestors}, from generation {first} to {last}")


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
    with present.Output(stderr=True).progress(width * height, "pixels") as note:
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
    present.Output().say(f"{path}: {width} x {height}")
