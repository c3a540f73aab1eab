"""``neatfool resume``."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from neatfool import present
from neatfool.cli.run import A_PATH, RunCommand, load_observers, no_report_option, run_session
from neatfool.files import Json
from neatfool.present.command import option, trust_option

if TYPE_CHECKING:
    from neatfool.scoring.plan import ScoringPlan


@click.command(
    cls=RunCommand,
    epilog="""\b
Examples:
  neatfool resume runs/mnist-1
  neatfool resume runs/mnist-1 --generations 400    # to a new length
  neatfool resume runs/api-1 --max-queries 5000     # with a larger budget""",
)
@click.argument("run_folder", metavar="RUN", type=A_PATH)
@option("--generations N", "A new length, in generations, which the run keeps.")
@option("--images N", "A new length, in images scored, which the run keeps.")
@option(
    "--max-queries N",
    "A new budget: how many images may be sent to a metered target, which costs something to ask, "
    "counted from the run's beginning.",
)
@option(
    "--max-requests N",
    "A new budget: how many requests may be sent, counted from the run's beginning.",
)
@option(
    "--workers N",
    "Go on with N processes that draw and score; 0: without an engine. The run keeps this.",
    click.IntRange(min=0),
)
@no_report_option
@trust_option
def resume(
    run_folder: Path,
    generations: int | None,
    images: int | None,
    max_queries: int | None,
    max_requests: int | None,
    workers: int | None,
    no_report: bool,
    **observing: Any,
) -> None:
    """Continue a run exactly where it was interrupted.

    It refuses if `experiment.ini` in RUN was edited, if the target no longer scores as it did, if
    another process runs it, or if its database is damaged.
    """
    from neatfool.evolution.assembly import Assembly, assemble
    from neatfool.evolution.resuming import resume as resume_session
    from neatfool.experiment.experiment import Experiment
    from neatfool.experiment.trust import require_trust
    from neatfool.fooling.open_runs import open_run
    from neatfool.plugin.manager import PluginManager

    if generations and images:
        raise click.UsageError("give --generations or --images, not both")
    plugins = PluginManager()
    load_observers(plugins, observing)
    length = {"generations": generations, "images": images} if generations or images else {}
    budget = {"max_queries": max_queries, "max_requests": max_requests}
    larger = {key: value for key, value in budget.items() if value is not None}

    def assemble_again(resolved: dict[str, Json], recorded: ScoringPlan) -> Assembly:
        own = {"experiment": resolved["experiment"] | length, "target": resolved["target"] | larger}
        if workers is not None:
            own["engine"] = {"workers": workers} if workers else {}
        return assemble(Experiment.from_resolved(resolved | own, plugins), recorded)

    with closing(open_run(run_folder)) as run:
        require_trust(run)
    session = resume_session(assemble_again, run_folder)
    if session.done:
        run, general = session.run, session.general
        ways = (("generations", run.generation + 1), ("images", run.evaluations))
        unit, done = ways[bool(general.images)]
        more = f"--{unit} N with N > {done} makes it longer"
        present.Output().say(f"{run_folder} has reached its length: {general.length}. {more}.")
    run_session(session, plugins, report=not no_report)
