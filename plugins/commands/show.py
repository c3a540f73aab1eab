"""The command ``neatfool show``."""

import json
from pathlib import Path
from typing import Final

import click

from neatfool.present import option
from neatfool.wording import percent, spending

ROWS: Final = 40
"""How many classes are shown unless all are asked for: a screenful."""


@click.command(
    epilog="""\b
Examples:
  neatfool show runs/mnist-1
  neatfool show runs/mnist-1 --json | jq .median"""
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@option("--json", "Print JSON.", into="as_json")
@option("--all", f"Show all classes, not the first {ROWS}.", into="every")
def show(run_folder: Path, as_json: bool, every: bool) -> None:
    """Show how far the run in folder RUN has come; it may be going on.

    You see the confidence over the classes, how many images are top-1 (their class is the
    likeliest), and a table of the elites.
    """
    from neatfool import open_run
    from neatfool.present import Output

    run = open_run(run_folder)
    summary = run.summary()
    if as_json:
        click.echo(json.dumps(summary, indent=2))
        return
    console, elites = Output(), run.elites
    if not elites:
        console.say(f"{run.name}, seed {run.seed}: nothing is recorded yet")
        return
    console.say(
        f"{run.name}, seed {run.seed}: generation {run.generation}, {run.evaluations:,} images, "
        f"{summary['evaluations_per_s']:,.0f} a second"
    )
    middle, lowest = run.ranks
    console.say(
        f"confidence: median {percent(summary['median'], middle)}, "
        f"mean {percent(summary['mean'])}, min {percent(summary['min'], lowest)}; classes "
        f">= 99 %: {summary['classes_ge_0.99']}, >= 99.99 %: {summary['classes_ge_0.9999']}"
    )
    if known := [first for elite in elites if (first := elite.top1) is not None]:
        console.say(f"most likely class (top-1): {sum(known):,} of {len(known):,} images")
    if nothing := summary["nothing"]:
        console.say(f"rejected: {summary['rejected']:,} of {len(elites):,} ({', '.join(nothing)})")
    if above := run.above_threshold:
        console.say("at or above their threshold: {:,} of {:,} classes".format(*above))
    if requests := run.requests:
        console.say(spending(requests))
    heads = ["class", "confidence", "log-odds", "bred in", "nodes", "connections", "image"]
    rows = []
    for elite in elites if every else elites[:ROWS]:
        odds = f"{elite.rank:.1f}" if elite.rank != elite.confidence else "-"
        numbers = elite.generation, elite.size.nodes, elite.size.connections
        file = str(elite.file.relative_to(run.path))
        rows.append([elite.name, percent(elite.confidence), odds, *map(str, numbers), file])
    console.table(heads, rows)
    if len(elites) > ROWS and not every:
        console.say(f"… and {len(elites) - ROWS} more; --all shows them")
