"""The command ``neatfool verify``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from neatfool import FiniteRange, VerificationError, percent

if TYPE_CHECKING:
    from neatfool import Verdict

ROWS: Final = 40
"""How many classes are shown at most: a screenful."""


@click.command(
    epilog="""\b
Examples:
  neatfool verify runs/mnist-1
  neatfool verify runs/mnist-1 --json""",
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
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
    from neatfool import Output, open_run

    with Output(stderr=True).status("scoring the images again"):
        run = open_run(run_folder)
        verdict = run.verify(tolerance=tolerance, max_queries=max_queries)
    if not run.sealed:
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
    from neatfool import Output

    console = Output()
    console.say(str(verdict))
    rows = [
        [
            result.name,
            percent(result.recorded),
            percent(result.measured),
            f"{result.difference:.1e}",
        ]
        for result in (verdict.wrong or verdict.results)[:ROWS]
    ]
    console.table(["class", "recorded", "measured now", "difference"], rows)
