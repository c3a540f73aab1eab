"""``neatfool detect``: a table that can be read without colour, files, and a page."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FileToWrite, Names, elite_options, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Output, Run, Target

    from .seen import Seen

A_PATH: Final = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Examples:
  neatfool detect runs/mnist-1
  neatfool detect runs/mnist-1 --in-distribution ~/mnist --html detected.html
  neatfool detect runs/imagenet-1 --least 0.9 --in-distribution ~/Pictures --json
  neatfool detect runs/mnist --detectors energy,vim,pytorch-ood:RMD
  neatfool detect runs/mnist-1 runs/mnist_guarded-1 --csv scores.csv""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option(
    "--detectors",
    type=Names(),
    default=(),
    help="Only these: msp, max_logit, energy, entropy, gen; or of the package pytorch-ood (`pip "
    "install 'neatfool[ood]'`): knn, mahalanobis, vim, pytorch-ood:NAME.  [default: all but the "
    "last]",
)
@click.option(
    "--in-distribution",
    "folder",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="In-distribution images: MNIST's four idx files (training digits fit the detectors, test "
    "digits set the thresholds), or photographs, half of them for each.  [default: the target's "
    "own]",
)
@elite_options
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write each image's score by each detector as comma-separated values.",
)
@click.option(
    "--html", "html_file", type=FileToWrite(), metavar="FILE", help="Write a page with histograms."
)
def detect(
    *,
    paths: tuple[Path, ...],
    detectors: tuple[str, ...],
    folder: Path | None,
    classes: tuple[str, ...],
    least: float,
    sample: int | None,
    seed: int,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
) -> None:
    """Say what out-of-distribution (OOD) detectors would have caught of RUN.

    Each detector is fitted to in-distribution images. Its threshold is set on others, of which 95
    or 99 % are to pass. You see how many of the run's fooling images pass then, too.

    An interrupted command begins anew.
    """
    from neatfool import Output, choose_elites, open_runs
    from neatfool.present import save

    from .files import runs_to_json, to_csv
    from .page import write_detection

    waiting = Output(stderr=True)
    with open_runs(paths, scored=True) as runs:
        chosen = [
            (run, choose_elites(run, classes=classes, least=least, sample=sample, seed=seed))
            for run in runs
        ]
        seen = _look(chosen, detectors, folder, waiting)
        if as_json:
            click.echo(json.dumps(runs_to_json(seen), indent=1))
        else:
            _show(seen, Output())
        if csv_file:
            save(csv_file, to_csv(seen).encode())
            click.echo(f"Each image's scores are in {csv_file}", err=as_json)
        if html_file:
            with waiting.status("drawing"):
                write_detection(seen, html_file)
            click.echo(f"Look at {html_file}", err=as_json)


def _look(
    chosen: Sequence[tuple[Run, Sequence[EliteView]]],
    detectors: tuple[str, ...],
    folder: Path | None,
    console: Output,
) -> list[Seen]:
    """Load the runs' networks, each once, and ask the detectors about the runs' images."""
    import torch

    from neatfool.ood import count_images, in_distribution
    from neatfool.ood import detect as ask

    from .seen import Seen, guard_of, images_of, open_network

    seen: dict[int, Seen] = {}
    with ExitStack() as ending:
        alike: dict[str, tuple[Target, list[int]]] = {}
        with console.status("loading the networks"):
            for place, (run, _) in enumerate(chosen):
                key, target = open_network(run, ending)
                alike.setdefault(key, (target, []))[1].append(place)
        for target, places in alike.values():
            known = in_distribution(target, folder)
            images = [images_of(chosen[place][1]) for place in places]
            with console.progress(count_images(sum(map(len, images)), known)) as note:
                whole = ask(target, torch.cat(images), known, detectors, note)
            parts = whole.split([len(each) for each in images])
            for place, detection in zip(places, parts, strict=True):
                run, elites = chosen[place]
                seen[place] = Seen(run, elites, detection, guard_of(run))
    return [seen[place] for place in range(len(chosen))]


def _show(seen: Sequence[Seen], console: Output) -> None:
    from . import wording

    for each in seen:
        console.say(f"{wording.name_of(each)}: {wording.headline(each)}", "bold")
    for text in wording.limits(seen):
        console.say(f"Note: {text}")
    for each in seen:
        levels = wording.levels(each.detection)
        rows = [
            [row.name, *(wording.passing(row, kept) for kept in levels), f"{row.auroc:.3f}"]
            for row in each.detection.rows
        ]
        console.say(wording.subject(each))
        console.table(["detector", *map(wording.head, levels), "AUROC"], rows)
    for text in wording.notes(seen):
        console.say(f"Note: {text}")
