"""``neatfool ablate``: a table that can be read without colour, files, and a page."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FileToWrite, elite_options, max_queries_option, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Output, Run

    from .ablation import Ablations

A_PATH: Final = click.Path(path_type=Path)
USUAL_TILES: Final = 8
LISTED: Final = 20
"""The most elites that the terminal lists; files have all."""


@click.command(
    epilog="""\b
Examples:
  neatfool ablate runs/mnist-1
  neatfool ablate runs/imagenet-1 --classes "school bus,starfish" --html parts.html
  neatfool ablate runs/imagenet-1 --least 0.5 --sample 200 --csv parts.csv
  neatfool ablate runs/imagenet-1 --sample 5 --tiles 14 --json
  neatfool ablate runs/mnist-1 --graphs graphs      # for networkx: GraphML and JSON""",
)
@click.argument("path", metavar="RUN", type=A_PATH)
@click.option(
    "--tiles",
    type=click.IntRange(min=1),
    metavar="N",
    help="Divide an image into N x N tiles, and hide one at a time.  [default: 8]",
)
@elite_options
@click.option(
    "--target",
    type=A_PATH,
    metavar="EXPERIMENT",
    help="Score with the target of this experiment's file, and not with the run's own. It needs "
    "the same names of classes.",
)
@max_queries_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write the confidence without each part as comma-separated values.",
)
@click.option(
    "--graphs",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write each elite's network with the importance of its parts as GraphML and JSON.",
)
@click.option(
    "--html",
    "html_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write a page with maps and networks.",
)
def ablate(
    *,
    path: Path,
    tiles: int | None,
    classes: tuple[str, ...],
    least: float,
    sample: int | None,
    target: Path | None,
    seed: int,
    max_queries: int | None,
    as_json: bool,
    csv_file: Path | None,
    folder: Path | None,
    html_file: Path | None,
) -> None:
    """Say which parts of RUN's images, and of their networks, carry the confidence.

    Parts are taken away, and what is left is scored again: copies of what an image repeats, tiles
    of the image, and the nodes and connections of the network that draws it. An elite takes 65
    images for its tiles, up to 33 for its copies, and one for each node and connection.

    What is finished is kept in RUN/ablation.jsonl, so an interrupted command goes on when you give
    it again. Delete the file to begin anew.
    """
    from neatfool import Output, choose_elites, open_run, require_trust
    from neatfool.present import save

    from .files import to_csv, to_json, write_graphs
    from .page import write_ablation

    waiting = Output(stderr=True)
    with closing(open_run(path)) as run:
        if target is None:
            require_trust(run)
        elites = choose_elites(run, classes=classes, least=least, sample=sample, seed=seed)
        told = _measure(run, elites, tiles, target=target, most=max_queries, console=waiting)
        if as_json:
            click.echo(json.dumps(to_json(told), indent=1))
        else:
            _show(told, Output())
        if csv_file:
            save(csv_file, to_csv(told).encode())
            click.echo(f"The confidence without each part is in {csv_file}", err=as_json)
        if folder:
            count = write_graphs(told, folder)
            click.echo(f"{count:,} networks with their importance are in {folder}", err=as_json)
        if html_file:
            with waiting.status("drawing"):
                write_ablation(told, html_file)
            click.echo(f"Look at {html_file}", err=as_json)


def _measure(
    run: Run,
    elites: Sequence[EliteView],
    tiles: int | None,
    *,
    target: Path | None,
    most: int | None,
    console: Output,
) -> Ablations:
    """Take all elites apart that were not already."""
    from neatfool import ExperimentError, open_scorer

    from .ablation import Ablations, ablate_elite, most_images
    from .asking import check_classes
    from .keeping import FILE, Journal

    most_tiles = min(run.spec.height, run.spec.width)
    tiles = tiles or min(USUAL_TILES, most_tiles)
    if tiles > most_tiles:
        raise ExperimentError(
            f"--tiles {tiles}: the run's images have {run.spec.width} x {run.spec.height} pixels; "
            "give a smaller number"
        )
    with ExitStack() as ending:
        with console.status("loading the target"):
            scorer = ending.enter_context(closing(open_scorer(target or run, max_queries=most)))
        check_classes(scorer, elites)
        journal = Journal(run, scorer, tiles)
        images = {
            id(elite): most_images(elite, tiles) for elite in elites if not journal.find(elite)
        }
        total = sum(images.values())
        if total:
            scorer.check_allowed(total, most)
        if scorer.costs:
            text = f"{scorer.name}: this takes up to {total:,} queries"
            console.say(text)
        items = []
        with console.progress(total) as note:
            for elite in elites:
                found = journal.find(elite)
                if found is None:
                    found = ablate_elite(elite, scorer, tiles=tiles, note=note)
                    journal.add(found)
                items.append(found)
        if journal.fault:
            text = f"{run.path / FILE}: cannot be written ({journal.fault}), so nothing is kept"
            console.say(text)
        return Ablations(run, scorer.name, target is None, tiles, elites, items)


def _show(told: Ablations, console: Output) -> None:
    from . import wording

    for text in wording.headlines(told):
        console.say(text, "bold")
    console.say(wording.subject(told))
    for text in wording.limits(told):
        console.say(f"Note: {text}")
    summary = [
        [name, *reversed(quartiles[:2]), quartiles[2], f"{len(values):,}"]
        for name, values in wording.figures(told)
        for quartiles in [wording.quartiles(values)]
    ]
    console.table(["", "median", "lower quartile", "upper quartile", "images"], summary)
    items = sorted(told.items, key=lambda item: -item.saved.log_odds)
    rows = [[item.name, *wording.cells(item)] for item in items]
    console.table(["class", *wording.HEADS], rows, most=LISTED)
    for text in wording.notes(told):
        console.say(f"Note: {text}")
