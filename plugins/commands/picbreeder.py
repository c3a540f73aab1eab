"""The command ``neatfool picbreeder``."""

from pathlib import Path
from typing import Final

import click

from neatfool import ExperimentError
from neatfool.present import FileToWrite, option

SIDE: Final = 256
"""The side in pixels of the native picture in programs that draw at any size."""
FORMATS: Final = (".png", ".onnx", ".glsl")
"""The suffixes of files that can be written."""


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
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise click.BadParameter(
            f"{path}: {path.suffix!r} is none of {', '.join(FORMATS)}", param_hint="--out"
        )
    side = size if suffix == ".png" else SIDE
    look = cppn.Look(side, side, inputs="normalised", colour_map="hsv")
    try:
        genome = cppn.read_picbreeder(file.read_bytes(), look)
    except (OSError, ValueError) as error:
        raise ExperimentError(f"{file}: {error}") from error
    picture = cppn.Picture(genome, look)
    match suffix:
        case ".onnx":
            save(path, cppn.to_onnx(picture, title=file.name))
        case ".glsl":
            save(path, cppn.to_glsl(picture, title=file.name).encode("ascii"))
        case _:
            save(path, encode_png(picture.pixels().numpy()))
    click.echo(f"{path}: {len(genome.nodes):,} nodes, {len(genome.connections):,} connections")
