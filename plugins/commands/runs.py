"""The command ``neatfool runs``."""

import json
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import click

from neatfool import RunError
from neatfool.present import option
from neatfool.wording import percent


@click.command(
    epilog="""\b
Examples:
  neatfool runs
  neatfool runs elsewhere --json | jq '.[] | select(.state != "finished") | .path'"""
)
@click.argument(
    "folder", metavar="[FOLDER]", default="runs", type=click.Path(path_type=Path), required=False
)
@option("--json", "Print JSON.", into="as_json")
def runs(folder: Path, as_json: bool) -> None:
    """List the runs in FOLDER, and how far each has come.

    FOLDER is `runs` if left out. Runs are found in it and in the folders in it.
    """
    from neatfool import find_runs
    from neatfool.present import Output

    folders = {*find_runs(folder)}
    if folder not in folders:
        for inner in folder.iterdir():
            with suppress(RunError):
                # What lies deeper is somebody else's: test data, or a copy of a project.
                folders.update(run for run in find_runs(inner) if inner in {run, run.parent})
    described = [_describe(path) for path in sorted(folders)]
    if as_json:
        click.echo(json.dumps([facts for facts, _ in described], indent=2))
        return
    rows = []
    for run, (middle, lowest) in described:
        place = Path(run["path"])
        name = str(place.relative_to(folder) if place != folder else place)
        if "error" in run:
            rows.append([name, "", "", run["state"], *[""] * 3])
            continue
        sure = percent(run["median"], middle), percent(run["minimum"], lowest)
        numbers = f"{run['evaluations']:,}", str(run["generation"]), str(run["seed"])
        rows.append([name, *sure, run["state"], *numbers])
    output = Output()
    output.table(["run", "median", "lowest", "state", "images", "generation", "seed"], rows)
    for error in (run["error"] for run, _ in described if "error" in run):
        output.say(error)


def _describe(path: Path) -> tuple[dict[str, Any], tuple[float, float]]:
    """Say how far a run has come; of one that cannot be read, why. Add the ranks of its elites."""
    from neatfool import open_run

    try:
        with closing(open_run(path)) as run:
            last = run.history[-1] if run.generation >= 0 else None
            names = ("name", "seed", "generation", "evaluations")
            facts = {"path": str(path)} | {name: getattr(run, name) for name in names}
            facts |= {name: getattr(last, name, 0.0) for name in ("median", "minimum")}
            return facts | {"state": "finished" if run.finished else "unfinished"}, run.ranks
    except RunError as error:
        return {"path": str(path), "state": "unreadable", "error": str(error)}, (0.0, 0.0)
