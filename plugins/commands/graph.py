"""The command ``neatfool graph``."""

from __future__ import annotations

from pathlib import Path

import click


@click.command(
    epilog="""\b
Examples:
  neatfool graph runs/mnist-1 3                      (writes 3.svg)
  neatfool graph runs/mnist-1 3 -o three.graphml     (for networkx, Gephi, Cytoscape)

The file's suffix decides the format: .svg, .png, .graphml, .json or .dot.""",
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.argument("class_name", metavar="CLASS")
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The file to write.  [default: CLASS.svg]",
)
def graph(run_folder: Path, class_name: str, out: Path | None) -> None:
    """Write the CPPN of CLASS's elite (by name or index) as a graph."""
    from neatfool import open_run, slug
    from neatfool.report import export_graph

    elite = open_run(run_folder).elite(class_name)
    path = out or Path(f"{slug(elite.name) or 'class'}.svg")
    export_graph(elite.graph(), path)
    nodes, connections = elite.size.nodes, elite.size.connections
    click.echo(
        f"{path}: {nodes:,} node{'s' * (nodes != 1)}, "
        f"{connections:,} connection{'s' * (connections != 1)}"
    )
