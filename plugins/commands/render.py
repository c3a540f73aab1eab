"""The command ``neatfool render``."""

from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Final

import click

from neatfool import StorageError
from neatfool.present import option, trust_option

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
@option("-o, --out FILE", "The file to write.  [default: CLASS-N.png]")
@trust_option
def render(run_folder: Path, class_name: str, size: int, sharp: bool, out: Path | None) -> None:
    """Render the image of CLASS's elite (by name or index) at any size."""
    from PIL import Image

    from neatfool import open_run
    from neatfool.present import Output, save
    from neatfool.wording import slug

    elite = open_run(run_folder).elite(class_name)
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
    click.echo(f"{path}: {width} x {height}")
