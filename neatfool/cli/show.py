"""``neatfool show`` and ``neatfool verify``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click
from rich.markup import escape
from rich.table import Table

from neatfool.cli.output import Output, waiting
from neatfool.cli.parameters import FiniteRange, json_option, run_argument
from neatfool.errors import VerificationError
from neatfool.wording import percent, spending

if TYPE_CHECKING:
    from pathlib import Path

    from neatfool.run.verdict import Verdict

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
    from neatfool.fooling.opening import open_run

    run = open_run(run_folder)
    summary = run.summary()
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    console = Output()
    console.print(
        f"[bold]{summary['name']}[/], seed {summary['seed']}: generation {summary['generation']}, "
        f"{summary['evaluations']:,} images, {summary['evaluations_per_s']:,.0f} a second",
        soft_wrap=True,
    )
    middle, lowest = run.ranks
    console.print(
        f"confidence: median {percent(summary['median'], middle)}, "
        f"mean {percent(summary['mean'], lowest)}, min {percent(summary['min'], lowest)}; classes "
        f">= 99 %: {summary['classes_ge_0.99']}, >= 99.99 %: {summary['classes_ge_0.9999']}",
        soft_wrap=True,
    )
    if requests := run.requests:
        console.print(spending(requests), soft_wrap=True, markup=False)
    elites = run.elites
    table = Table("class", "confidence", "bred in", "nodes", "connections", "image")
    for elite in elites if every else elites[:ROWS]:
        table.add_row(
            escape(elite.name),
            percent(elite.confidence, elite.rank),
            str(elite.generation),
            str(elite.size.nodes),
            str(elite.size.connections),
            escape(str(elite.file.relative_to(run.path))),
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
    type=FiniteRange(min=0),
    default=1e-4,
    show_default=True,
    metavar="P",
    help="How much a confidence may differ from the recorded one.",
)
@click.option(
    "--max-queries",
    type=click.IntRange(min=1),
    metavar="N",
    help="A new budget: how many images may be sent in all to a target that costs something.",
)
def verify(run_folder: Path, as_json: bool, tolerance: float, max_queries: int | None) -> None:
    """Score the saved images of RUN again, and compare the scores with the recorded ones.

    First read the whole database, and exit with 5 if it is damaged.

    Exit with 7 if an image does not score what was recorded.

    If asking the target costs something, each image is a query of the run's budget.
    """
    from neatfool.fooling.opening import open_run

    with waiting("scoring the images again"):
        run = open_run(run_folder)
        verdict = run.verify(tolerance=tolerance, max_queries=max_queries)
    if not run.store.sealed:
        click.echo(
            f"{run_folder}: an earlier version recorded it without checksums, so damage may go "
            "unnoticed; `neatfool resume` adds them",
            err=True,
        )
    if as_json:
        click.echo(json.dumps(verdict.summary(), indent=2))
    else:
        _print_verdict(verdict)
    if verdict.wrong:
        raise VerificationError(
            f"{run_folder}: {len(verdict.wrong)} of {len(verdict.results)} images do not score "
            f"what was recorded (tolerance {tolerance:g}); the files or the target have changed"
        )


def _print_verdict(verdict: Verdict) -> None:
    console = Output()
    table = Table("class", "recorded", "measured now", "difference")
    for result in (verdict.wrong or verdict.results)[:ROWS]:
        table.add_row(
            escape(result.name),
            percent(result.recorded, result.recorded_rank),
            percent(result.measured, result.measured_rank),
            f"{result.difference:.1e}",
        )
    console.print(table)
    console.print(str(verdict), soft_wrap=True)
