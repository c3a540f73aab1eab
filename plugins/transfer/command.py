"""``neatfool transfer``: tables that can be read without colour, files, and a page."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool import FileToWrite, elite_options, max_queries_option, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Output, Run

    from .answers import Seen
    from .transfer import Transfer

A_PATH: Final = click.Path(path_type=Path)
LISTED: Final = 12
"""The most classes of a run that the terminal lists; files and the page have more."""


@click.command(
    epilog="""\b
Examples:
  neatfool transfer runs/mnist-1 --to experiments/another_lenet.ini
  neatfool transfer runs/lite0-1 runs/lite1-1 runs/lite2-1 --html transfer.html
  neatfool transfer runs/lite0-1 --to lite1.ini lite2.ini --least 0.5 --csv images.csv
  neatfool transfer runs/imagenet --to resnet.ini --photographs ~/Pictures --json
  neatfool transfer runs/mnist-1 --to experiments/api.ini --sample 50 --max-queries 400""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option(
    "--to",
    "experiments",
    metavar="EXPERIMENT...",
    multiple=True,
    type=A_PATH,
    help="Files of experiments whose networks are to see the images, too. Name one or several.",
)
@elite_options
@click.option(
    "--resize",
    is_flag=True,
    help="For a network that takes another size, resize the saved images; do not draw them anew.",
)
@click.option(
    "--photographs",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="In-distribution images on which to see how far networks agree.  [default: the targets' "
    "own]",
)
@max_queries_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write each image's confidence and rank in each network as comma-separated values.",
)
@click.option(
    "--html", "html_file", type=FileToWrite(), metavar="FILE", help="Write a page with the matrix."
)
def transfer(
    *,
    paths: tuple[Path, ...],
    experiments: tuple[Path, ...],
    classes: tuple[str, ...],
    least: float,
    sample: int | None,
    seed: int,
    resize: bool,
    folder: Path | None,
    max_queries: int | None,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
) -> None:
    """Say which images of RUN fool which networks: the runs' own, and those of --to.

    Each network is shown the images of all runs at the size that it takes. You see how many have
    their class in the first place there, how many among the first five, and how sure the network
    is. You also see how far the networks agree on in-distribution images, such as photographs;
    fewer than 50 of them tell hardly anything.

    A network that takes another size sees the picture drawn anew. A class is found by its name:
    case and underscores do not matter, and commas separate synonyms. Images of a class that a
    network does not have do not count there.

    An interrupted command begins anew.
    """
    from neatfool import Output, choose_elites, open_runs
    from neatfool.present import save

    from .files import to_csv, to_json
    from .page import write_transfer

    waiting = Output(stderr=True)
    folders = [path for path in paths if not path.is_file()]
    files = [*experiments, *(path for path in paths if path.is_file())]
    if not folders:
        raise click.UsageError("Name at least one run whose images are to be shown.")
    with ExitStack() as ending:
        runs = ending.enter_context(open_runs(folders, scored=True))
        chosen = [
            (run, choose_elites(run, classes=classes, least=least, sample=sample, seed=seed))
            for run in runs
        ]
        told = _measure(
            chosen,
            files,
            folder,
            redraw=not resize,
            most=max_queries,
            ending=ending,
            console=waiting,
        )
        if as_json:
            click.echo(json.dumps(to_json(told), indent=1))
        else:
            _show(told, Output())
        if csv_file:
            save(csv_file, to_csv(told).encode())
            click.echo(f"Each image's confidences and ranks are in {csv_file}", err=as_json)
        if html_file:
            with waiting.status("drawing"):
                write_transfer(told, html_file)
            click.echo(f"Look at {html_file}", err=as_json)


def _measure(
    chosen: Sequence[tuple[Run, Sequence[Any]]],
    files: Sequence[Path],
    folder: Path | None,
    *,
    redraw: bool,
    most: int | None,
    ending: ExitStack,
    console: Output,
) -> Transfer:
    """Load all networks, and ask them if the budget suffices for all."""
    from neatfool.models import photographs_in, photographs_of

    from .networks import open_networks
    from .transfer import measure

    photographs = photographs_in(folder) if folder else []
    with console.status("loading the networks"):
        networks, notes = open_networks([run for run, _ in chosen], files, most, ending)
    photographs = photographs or photographs_of(each.scorer.target for each in networks)
    images = sum(len(elites) for _, elites in chosen) + len(photographs)
    costly = [network.scorer for network in networks if network.scorer.costs]
    for scorer in costly:
        scorer.check_allowed(images * len(costly), most)
        text = f"{scorer.name}: this takes up to {images:,} queries"
        console.say(text)
    with console.progress(images * len(networks), "answers") as note:
        return measure(
            chosen,
            networks,
            photographs,
            source=f"in {folder}" if folder else "that the targets bring along",
            redraw=redraw,
            notes=notes,
            note=note,
        )


def _show(told: Transfer, console: Output) -> None:
    from neatfool import percent

    from . import wording
    from .networks import key_of

    for row in told.rows:
        console.say(wording.headline(row, len(told.networks)), "bold")
    if sentence := wording.agreement(told):
        console.say(sentence, "bold")
    for text in wording.limits(told):
        console.say(f"Note: {text}")
    for key, label, description in wording.descriptions(told):
        console.say(f"{key}  {label}: {description}")
    rows = [(wording.name_of(row), row.seen, row.own) for row in told.rows]
    console.table(["images of", "shown to", *wording.IN_SHORT], _by_network(rows))
    if (known := told.photographs) and len(told.networks) > 1:
        console.say(f"How far they agree on {len(known.names):,} in-distribution images", "bold")
        names = [f"{key}  {label}" for key, label, _ in wording.descriptions(told)]
        by_network = [(name, seen, None) for name, seen in zip(names, known.seen, strict=True)]
        console.table(["first class of", "shown to", *wording.IN_SHORT], _by_network(by_network))
    for row in told.rows:
        console.say(f"Class by class: {wording.subject(row)}", "bold")
        of_classes = [
            [row.elites[place].name, percent(row.elites[place].confidence)]
            + [wording.one(seen, place) for seen in row.seen]
            for place in wording.order(row)
        ]
        keys = [key_of(place) for place in range(len(told.networks))]
        console.table(["class", "recorded", *keys], of_classes, most=LISTED)
    for text in wording.notes(told):
        console.say(f"Note: {text}")


def _by_network(rows: Sequence[tuple[str, Sequence[Seen], int | None]]) -> list[list[str]]:
    """Write a row for each network that some images were shown to; one may be their own."""
    from . import wording
    from .networks import key_of

    return [
        [
            "" if place else name,
            f"{key_of(place)} (own)" if place == own else key_of(place),
            *wording.measures(each),
        ]
        for name, seen, own in rows
        for place, each in enumerate(seen)
    ]
