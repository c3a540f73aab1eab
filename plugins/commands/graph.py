"""The command ``neatfool graph``."""

from pathlib import Path

import click

from neatfool.present import option, trust_option


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
    from neatfool import ExperimentError, cppn, open_run
    from neatfool.present import export_graph, save
    from neatfool.wording import counted, slug

    elite = open_run(run_folder).elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}.svg")
    title = f"{elite.name}: {elite.run.path.name}"
    match path.suffix.lower():
        case ".onnx":
            save(path, cppn.to_onnx(elite.picture(), title=title))
        case ".glsl" | ".frag":
            save(path, cppn.to_glsl(elite.picture(), title=title).encode("ascii"))
        case _:
            try:
                export_graph(elite.graph(), path)
            except ExperimentError as error:
                text = f"{error}, or for the picture .onnx, .glsl, .frag"
                raise ExperimentError(text) from None
    nodes = counted(elite.size.nodes, "node", "nodes")
    click.echo(f"{path}: {nodes}, {counted(elite.size.connections, 'connection', 'connections')}")
