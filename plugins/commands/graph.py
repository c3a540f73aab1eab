"""The command ``neatfool graph``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool.present import option, trust_option

if TYPE_CHECKING:
    from neatfool import EliteView

PROGRAMS: Final = (".onnx", ".glsl", ".frag")
"""The suffixes of files that draw the picture, and do not describe the network."""


@click.command(
    epilog="""\b
Examples:
  neatfool graph runs/mnist-1 3                      # writes 3.svg
  neatfool graph runs/mnist-1 3 -o three.graphml     # for networkx, Gephi, Cytoscape
  neatfool graph runs/mnist-1 3 -o three.onnx        # draws the picture at any size
  neatfool graph runs/mnist-1 3 -o three.glsl        # a shader for Shadertoy, three.js

The file's suffix decides the format: .svg, .png, .graphml, .json or .dot
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
    from neatfool import ExperimentError, open_run
    from neatfool.present import export_graph
    from neatfool.wording import slug

    elite = open_run(run_folder).elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}.svg")
    if path.suffix.lower() in PROGRAMS:
        _write_program(elite, path)
    else:
        try:
            export_graph(elite.graph(), path)
        except ExperimentError as error:
            raise ExperimentError(f"{error}, or for the picture {', '.join(PROGRAMS)}") from None
    nodes, connections = elite.size.nodes, elite.size.connections
    click.echo(
        f"{path}: {nodes:,} node{'' if nodes == 1 else 's'}, "
        f"{connections:,} connection{'' if connections == 1 else 's'}"
    )


def _write_program(elite: EliteView, path: Path) -> None:
    """Write what draws an elite's picture."""
    from neatfool import cppn
    from neatfool.present import save

    title = f"{elite.name}: {elite.run.path.name}"
    if path.suffix.lower() == ".onnx":
        save(path, cppn.to_onnx(elite.picture(), title=title))
    else:
        save(path, cppn.to_glsl(elite.picture(), title=title).encode("ascii"))
