"""``neatfool survive``: a table that can be read without colour, files, and the run's report."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FileToWrite, Names, elite_options, max_queries_option, trust_option

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import Output, Run, Scorer

    from .chosen import Chosen
    from .survival import Survival

A_PATH: Final = click.Path(path_type=Path)


@click.command(
    epilog="""\b
Examples:
  neatfool survive runs/imagenet_quick-1
  neatfool survive runs/imagenet-1 --sample 100 --html survived.html
  neatfool survive runs/imagenet-1 --kinds jpeg,blur,drawn=448/896 --json
  neatfool survive runs/imagenet-1 --least 0.5 --target experiments/another_network.ini
  neatfool survive runs/old-1 runs/new-1 --sample 200 --csv survived.csv
  neatfool survive runs/imagenet-1 --report          # the run's report then shows it""",
)
@click.argument("paths", metavar="RUN|FOLDER...", nargs=-1, required=True, type=A_PATH)
@click.option(
    "--kinds",
    type=Names(),
    default=(),
    metavar="A,B=1/2",
    help="What to do to the images; `neatfool plugins list` has the views; `drawn` is drawn anew "
    "at another size, and `sharp` so too, but without the blur. Strengths may follow: "
    "jpeg=75/50.  [default: all]",
)
@elite_options
@click.option(
    "--target",
    type=A_PATH,
    metavar="EXPERIMENT",
    help="Score with the target of this experiment's file, and not with the run's own. Images are "
    "scaled to its size.",
)
@max_queries_option
@trust_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--csv",
    "csv_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write each image's confidence at each strength as comma-separated values.",
)
@click.option(
    "--html",
    "html_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write a page with curves and strips.",
)
@click.option(
    "--report",
    "reported",
    is_flag=True,
    help="Keep the result in RUN/survival.json and survival.csv, for galleries and `neatfool "
    "export`, and write RUN's report again, which shows it.",
)
def survive(
    *,
    paths: tuple[Path, ...],
    kinds: tuple[str, ...],
    classes: tuple[str, ...],
    least: float,
    sample: int | None,
    target: Path | None,
    seed: int,
    max_queries: int | None,
    as_json: bool,
    csv_file: Path | None,
    html_file: Path | None,
    reported: bool,
) -> None:
    """Say how much of RUN survives: moved, blurred, as JPEG, on a screen, drawn at another size.

    The images of the run's elites are changed in many ways, each at several strengths, and scored
    again. You see the median confidence, and the share that keep their class in the first place.
    """
    from neatfool import Output, open_runs
    from neatfool.report import save

    from .files import keep, to_csv, to_json
    from .page import write_survival

    waiting = Output(stderr=True)
    with open_runs(paths, scored=target is None) as runs:

        def choose_from(run: Run) -> Chosen:
            from .chosen import choose

            return choose(run, classes=classes, least=least, sample=sample, seed=seed)

        survivals = _measure_all(
            [choose_from(run) for run in runs],
            kinds=kinds,
            target=target,
            seed=seed,
            max_queries=max_queries,
            console=waiting,
        )
        if as_json:
            click.echo(json.dumps([to_json(survival) for survival in survivals], indent=1))
        else:
            _show(survivals, Output())
        if csv_file:
            save(csv_file, to_csv(survivals).encode())
            click.echo(f"Each image's confidences are in {csv_file}", err=as_json)
        if html_file:
            with waiting.status("drawing"):
                write_survival(survivals, html_file)
            click.echo(f"Look at {html_file}", err=as_json)
        if reported:
            for survival in survivals:
                click.echo(f"{keep(survival)} is in the report:", err=as_json)
                click.echo(f"Look at {survival.chosen.run.report()}", err=as_json)


def _measure_all(
    chosen: Sequence[Chosen],
    *,
    kinds: Sequence[str],
    target: Path | None,
    seed: int,
    max_queries: int | None,
    console: Output,
) -> list[Survival]:
    """Measure the survival of each run; load a target only when it is its turn."""
    from neatfool import open_scorer

    from .changes import all_changes, pick, pictures_of
    from .survival import measure

    changes = [pick(all_changes(each.run, seed), kinds) for each in chosen]
    total = sum(pictures_of(some) * len(each) for some, each in zip(changes, chosen, strict=True))
    survivals = []

    def load(source: Run | Path, ending: ExitStack) -> Scorer:
        scorer = ending.enter_context(closing(open_scorer(source, max_queries=max_queries)))
        scorer.check_allowed(total, max_queries)
        if scorer.costs:
            text = f"{scorer.name}: this takes up to {total:,} queries"
            console.say(text)
        return scorer

    with ExitStack() as ending, console.progress(total) as note:
        other = load(target, ending) if target else None
        for each, some in zip(chosen, changes, strict=True):
            with ExitStack() as ending_soon:
                scorer = other or load(each.run, ending_soon)
                survivals.append(
                    measure(each, scorer, some, seed=seed, own=other is None, note=note)
                )
    return survivals


def _show(survivals: Sequence[Survival], console: Output) -> None:
    from neatfool import percent, share

    from . import wording

    for survival in survivals:
        console.say(f"{wording.name_of(survival)}: {wording.headline(survival)}", "bold")
        console.say(wording.looked_at(survival))
        for text in wording.limits(survival):
            console.say(f"Note: {text}")
        rows = [
            [wording.in_words(change, change.usual), share(point.kept), percent(point.median)]
            for change, point in wording.ranked(survival)
        ]
        console.table(["the images are …", "keep class", "median"], rows)
    console.say(f"Note: {wording.NOTE} --csv, --json and --html have all strengths.")
