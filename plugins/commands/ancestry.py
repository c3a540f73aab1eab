"""The command ``neatfool ancestry``: what runs' lineages tell of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from neatfool import present

GRAPHS: Final = (".graphml", ".json", ".dot", ".svg", ".png")
"""The suffixes of files that a phylogeny is written to."""


@present.measure_command(
    """
    neatfool ancestry runs/imagenet-1 --html ancestry.html
    neatfool ancestry runs/imagenet_quick --pairs 0 --json
    neatfool ancestry runs/imagenet-1 --classes "zebra,school bus" --html lines.html
    neatfool ancestry runs/mnist --kinds digits.csv
    neatfool ancestry runs/mnist-1 --pairs 0 --graph phylogeny.graphml
    """,
    elites=False,
    queries=False,
)
@present.option(
    "--kinds FILE",
    "Which classes are related: a CSV file; each line has a class, its kind, the kind's kind, "
    "and so on.  [default: WordNet's tree, for ImageNet's classes]",
)
@present.option(
    "--permutations N",
    "Permutations of the classes in each test; the smallest possible p is 1 / (N + 1).",
    click.IntRange(min=19),
    999,
)
@present.option(
    "--classes A,B",
    "Sweep weights along the lines of these classes' elites.  [default: the 2 surest]",
    present.Names(),
    (),
)
@present.option(
    "--pairs N",
    "Sweep N learned individuals and their parents, N bred ones, and N that switched to other "
    "classes. 0: sweep nothing.",
    click.IntRange(min=0),
    12,
)
@present.option(
    "--span X",
    "Sweep a weight to either side until the picture has changed by X on average, of a range of 1.",
    click.FloatRange(0, 1, min_open=True),
    0.02,
)
@present.option("--seed N", "Where permutations and samples come from.", click.IntRange(min=0), 1)
@present.option(
    "--graph FILE",
    "Write one run's phylogeny: .graphml, .json (networkx's node-link data) or .dot.",
    present.FileToWrite(),
    into="graph_file",
)
def ancestry(*, runs: tuple[Path, ...], graph_file: Path | None, **options: Any) -> present.Finding:
    """Say who descends from whom in RUN, and what that tells of the network.

    You see between which classes elites' children moved (goal switches), whether related classes
    share ancestors and kinds of images more than chance would have it, and whether several runs
    find the same images. Weights are swept to see how fractured the networks behind the images
    are, along their lines of ancestors, before and after learning. The target is not asked.

    An interrupted command begins anew.
    """
    from neatfool import analysis, find_runs

    # Refused now, and not after all the work.
    if graph_file and graph_file.suffix.lower() not in GRAPHS:
        raise click.UsageError(f"--graph {graph_file}: use one of {', '.join(GRAPHS)}.")
    if graph_file and (count := sum(len(find_runs(folder)) for folder in runs)) > 1:
        raise click.UsageError(f"--graph writes one run's phylogeny, and there are {count}.")
    found = analysis.ancestry(runs, **options)
    if graph_file:
        found.write_graph(graph_file)
        click.echo(f"The phylogeny is in {graph_file}", err=True)
    return found
