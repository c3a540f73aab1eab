"""The command ``neatfool show``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import click

from neatfool import percent, spending

ROWS: Final = 40
"""How many classes are shown unless all are asked for: a screenful."""


@click.command(
    epilog="""\b
Examples:
  neatfool show runs/mnist-1
  neatfool show runs/mnist-1 --json | jq .median""",
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--all", "every", is_flag=True, help=f"Show all classes, not the first {ROWS}.")
def show(run_folder: Path, as_json: bool, every: bool) -> None:
    """Show how far the run in folder RUN has come."""
    from rich.markup import escape
    from rich.table import Table

    from neatfool import Output, open_run

    run = open_run(run_folder)
    summary = run.summary()
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    console = Output()
    elites = run.elites
    if not elites:
        what = f"{summary['name']}, seed {summary['seed']}: nothing is recorded yet"
        console.print(what, soft_wrap=True, markup=False)
        return
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
    if nothing := summary["nothing"]:
        told = f"rejected: {summary['rejected']:,} of {len(elites):,} ({', '.join(nothing)})"
        console.print(told, soft_wrap=True, markup=False)
    if above := run.above_threshold:
        console.print("at or above their threshold: {:,} of {:,} classes".format(*above))
    if requests := run.requests:
        console.print(spending(requests), soft_wrap=True, markup=False)
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
