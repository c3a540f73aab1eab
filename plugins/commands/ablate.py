"""The command ``neatfool ablate``: which parts of an image, and of its network, fool."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from neatfool import present


@present.measure_command(
    """
    neatfool ablate runs/mnist-1
    neatfool ablate runs/imagenet-1 --classes "school bus,starfish" --html parts.html
    neatfool ablate runs/imagenet-1 --least 0.5 --sample 200 --csv parts.csv
    neatfool ablate runs/imagenet-1 --sample 5 --tiles 14 --json
    neatfool ablate runs/mnist-1 --graphs graphs      # for networkx: GraphML and JSON
    """,
    runs="RUN",
)
@present.option(
    "--tiles N", "Divide an image into N x N tiles, and hide one at a time.  [default: 8]"
)
@present.option(
    "--target EXPERIMENT",
    "Score with the target of this experiment's file, and not with the run's own. It needs "
    "the same names of classes.",
)
@present.option(
    "--graphs DIR",
    "Write each elite's network with the importance of its parts as GraphML and JSON.",
    into="folder",
    file_okay=False,
)
def ablate(*, runs: Path, folder: Path | None, **options: Any) -> present.Finding:
    """Say which parts of RUN's images, and of their networks, carry the confidence.

    Parts are taken away, and what is left is scored again: copies of what an image repeats, tiles
    of the image, and the nodes and connections of the network that draws it. An elite takes 65
    images for its tiles, up to 33 for its copies, and one for each node and connection.

    What is finished is kept in RUN/ablation.jsonl, so an interrupted command goes on when you give
    it again. Delete the file to begin anew.
    """
    from neatfool import analysis

    found = analysis.ablate(runs, **options)
    if folder:
        count = found.write_graphs(folder)
        click.echo(f"{count:,} networks with their importance are in {folder}", err=True)
    return found
