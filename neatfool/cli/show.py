"""``neatfool show`` and ``neatfool verify``."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import asdict
from statistics import median
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from neatfool.cli.output import waiting
from neatfool.cli.parameters import json_option, run_argument
from neatfool.errors import VerificationError
from neatfool.wording import percent, spending

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neatfool.evolution.verification import Verified

ROWS = 40


@click.command(
    epilog="""\b
Examples:
  neatfool show runs/mnist-1
  neatfool show runs/mnist-1 --json | jq .median""",
)
@run_argument
@json_option
@click.option("--all", "every", is_flag=True, help=f"Show all classes, not the first {ROWS}.")
def show(run_folder: Path, as_json: bool, every: bool) -> None:
    """Show how far the run in folder RUN has come."""
    from neatfool.run.run import open_run

    run = open_run(run_folder)
    summary = run.summary()
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    console = Console(highlight=False)
    console.print(
        f"[bold]{summary['name']}[/], seed {summary['seed']}: generation {summary['generation']}, "
        f"{summary['evaluations']:,} images, {summary['evaluations_per_s']:,.0f} a second",
        soft_wrap=True,
    )
    console.print(
        f"confidence: median {percent(summary['median'])}, mean {percent(summary['mean'])}, "
        f"min {percent(summary['min'])}; classes >= 99 %: {summary['classes_ge_0.99']}, "
        f">= 99.99 %: {summary['classes_ge_0.9999']}",
        soft_wrap=True,
    )
    if requests := run.requests:
        console.print(spending(requests), soft_wrap=True, markup=False)
    elites = summary["classes"]
    table = Table("class", "confidence", "bred in", "nodes", "connections", "image")
    for elite in elites if every else elites[:ROWS]:
        table.add_row(
            _escaped(elite["name"]),
            percent(elite["confidence"]),
            str(elite["generation"]),
            str(elite["nodes"]),
            str(elite["connections"]),
            _escaped(elite["image"]),
        )
    console.print(table)
    if len(elites) > ROWS and not every:
        console.print(f"… and {len(elites) - ROWS} more; --all shows them")


@click.command(
    epilog="""\b
Examples:
  neatfool verify runs/mnist-1
  neatfool verify runs/mnist-1 --json""",
)
@run_argument
@json_option
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0),
    metavar="P",
    help="How far a confidence may be from the recorded one.  [default: 0.0001]",
)
@click.option(
    "--max-queries",
    type=click.IntRange(min=1),
    metavar="N",
    help="A larger budget than the run's, if asking the target costs something.",
)
def verify(
    run_folder: Path, as_json: bool, tolerance: float | None, max_queries: int | None
) -> None:
    """Score the saved images of RUN again, and compare with what the run recorded.

    First reads all of the run's database, and exits with 5 if it has changed since it was written.

    Exits with 7 if an image does not score what was recorded.

    Where asking the target costs something, each image is a query of the run's budget.
    """
    from neatfool.evolution.assembly import reassemble
    from neatfool.evolution.verification import TOLERANCE
    from neatfool.evolution.verification import verify as verify_run
    from neatfool.plugin.manager import PluginManager
    from neatfool.run.run import open_run
    from neatfool.scoring.plan import Plan

    allowed = TOLERANCE if tolerance is None else tolerance
    run = open_run(run_folder)
    with waiting("scoring the images again"):
        recorded = Plan.from_json(run.info["scoring"])
        experiment = run.experiment
        if max_queries is not None:
            experiment["target"] = {**experiment["target"], "max_queries": max_queries}
        assembly = reassemble(experiment, PluginManager(), recorded)
        with closing(assembly.scorer):
            results = verify_run(run, assembly.scorer)
    if not results:
        raise VerificationError(
            f"{run_folder}: the run has no elites yet; there is nothing to verify"
        )
    if not run.store.sealed:
        click.echo(
            f"{run_folder}: an earlier version recorded it without checksums, so damage may go "
            "unseen; `neatfool resume` adds them",
            err=True,
        )
    wrong = [result for result in results if not result.difference <= allowed]
    if as_json:
        click.echo(json.dumps(_verdict(results, wrong), indent=2))
    else:
        _print_verdict(results, wrong)
    if wrong:
        raise VerificationError(
            f"{run_folder}: {len(wrong)} of {len(results)} images do not score what was recorded "
            f"(tolerance {allowed:g}); the files or the target were changed"
        )


def _verdict(results: Sequence[Verified], wrong: Sequence[Verified]) -> dict[str, object]:
    measured = [result.measured for result in results]
    return {
        "images": len(results),
        "wrong": len(wrong),
        "largest_difference": max(result.difference for result in results),
        "median": median(measured),
        "min": min(measured),
        "classes_ge_0.99": sum(value >= 0.99 for value in measured),
        "classes_ge_0.9999": sum(value >= 0.9999 for value in measured),
        "classes": [asdict(result) for result in results],
    }


def _print_verdict(results: Sequence[Verified], wrong: Sequence[Verified]) -> None:
    console = Console(highlight=False)
    table = Table("class", "recorded", "measured now", "difference")
    for result in (wrong or results)[:ROWS]:
        table.add_row(
            _escaped(result.name),
            percent(result.recorded),
            percent(result.measured),
            f"{result.difference:.1e}",
        )
    console.print(table)
    measured = [result.measured for result in results]
    console.print(
        f"{len(results)} images scored from their files: {len(wrong)} wrong, largest difference "
        f"{max(result.difference for result in results):.1e}. Median {percent(median(measured))}, "
        f"lowest {percent(min(measured))}; {sum(value >= 0.9999 for value in measured)} of "
        f"{len(measured)} classes >= 99.99 %.",
        soft_wrap=True,
    )


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)
