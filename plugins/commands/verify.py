"""The command ``neatfool verify``."""

import json
from pathlib import Path
from typing import Any, Final

import click

from neatfool import VerificationError
from neatfool.present import FiniteRange, option, trust_option
from neatfool.wording import percent

ROWS: Final = 40
"""How many classes are shown at most: a screenful."""


@click.command(
    epilog="""\b
Examples:
  neatfool verify runs/mnist-1
  neatfool verify runs/mnist-1 --json
  neatfool verify from-a-friend --target my_target.ini"""
)
@click.argument("run_folder", metavar="RUN", type=click.Path(path_type=Path))
@option("--json", "Print JSON.", into="as_json")
@option(
    "--tolerance P",
    "How much a confidence may differ from the recorded one; another processor or library may "
    "round differently.",
    FiniteRange(min=0),
    1e-4,
)
@option(
    "--max-queries N",
    "A new budget, which RUN keeps: how many images may be sent in all to a target that costs "
    "something.",
)
@option(
    "--target FILE",
    "Score with the target of this experiment file, in place of the one that RUN names.",
    into="file",
)
@trust_option
def verify(run_folder: Path, as_json: bool, file: Path | None, **options: Any) -> None:
    """Score the saved images of RUN again, and compare the scores with the recorded ones.

    The exit code is 7 if an image is missing or does not score what was recorded. Before that, the
    whole database is read; the exit code is 5 if it is damaged, or if another process runs RUN.

    If asking the target costs something, each image is a query of the run's budget.
    """
    from neatfool import make_target, open_run, require_trust
    from neatfool.present import Output

    run = open_run(run_folder)
    if file is None:
        require_trust(run)
    with Output(stderr=True).status("scoring the images again"):
        verdict = run.verify(make_target(file) if file else None, **options)
    if as_json:
        click.echo(json.dumps(verdict.summary(), indent=2))
    else:
        console = Output()
        console.say(str(verdict))
        rows = [
            [each.name, percent(each.recorded), percent(each.measured), f"{each.difference:.1e}"]
            for each in (verdict.wrong or verdict.results)[:ROWS]
        ]
        console.table(["class", "recorded", "measured now", "difference"], rows)
    if verdict.wrong:
        raise VerificationError(
            f"{run_folder}: {len(verdict.wrong)} of {len(verdict.results)} images do not score "
            f"what was recorded (tolerance {verdict.tolerance:g}); the files or the target have "
            "changed"
        )
