"""``neatfool run``, and what it shares with ``neatfool resume``."""

from __future__ import annotations

import logging
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from neatfool import present
from neatfool.errors import INTERRUPTED, BudgetSpent, RunError, TargetUnavailable
from neatfool.plugin.discovery import OPTIONS_GROUP, entry_points
from neatfool.present.command import option, overrides_option
from neatfool.wording import counted, duration, four_digits, left_out, percent, share, spending

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from neatfool.evolution.session import Session
    from neatfool.plugin.manager import PluginManager
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport, Outcome


Command = TypeVar("Command", bound="Callable[..., Any]")

_log = logging.getLogger("neatfool.cli")

A_PATH: Final = click.Path(path_type=Path)
EXIT_CODES: Final = {
    "interrupted": INTERRUPTED,
    "paused": TargetUnavailable.exit_code,
    "spent": BudgetSpent.exit_code,
}
"""The exit code of a run that ended early, by its reason."""

no_report_option = option("--no-report", "Do not write report.html at the end.")


def experiment_parameters(command: Command) -> Command:
    """Add the experiment's file, and the options that override it."""
    seed = option("--seed N", "Override the experiment's seed.", click.IntRange(min=0))
    return click.argument("file", type=A_PATH)(seed(overrides_option(command)))


class RunCommand(click.Command):
    """A command that makes a run; the entry points ``neatfool.options`` add to its options."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """List the options; help comes last."""
        *own, last = super().get_params(ctx)
        return [*own, *(each for options in _options().values() for each in options), last]


def observers_asked_for(given: Mapping[str, Any]) -> dict[str, str]:
    """Give the observers of which options are given, each with the first of them."""
    return {
        observer: option.opts[0]
        for observer, options in _options().items()
        for option in reversed(options)
        if given.get(str(option.name))
    }


def load_observers(plugins: PluginManager, given: Mapping[str, Any]) -> None:
    """Load the observers of which options are given."""
    for name in observers_asked_for(given):
        if made := plugins.load_observer(name):
            plugins.add_observer(made, made.options())


def _options() -> dict[str, list[click.Option]]:
    return _load(tuple(entry_points(OPTIONS_GROUP)))


@cache
def _load(points: tuple[EntryPoint, ...]) -> dict[str, list[click.Option]]:
    """Load options by their observers' names; leave out those that are broken, and say so once."""
    options = {}
    for point in points:
        try:
            options[point.name] = point.load()
        except Exception as error:
            _log.warning("options of the observer %r (%s): %s", point.name, point.value, error)
    return options


@click.command(
    cls=RunCommand,
    epilog="""\b
Examples:
  neatfool run experiments/mnist.ini
  neatfool run mnist --images 5000              # see `neatfool experiments list`
  neatfool run experiments/mnist.ini --seed 2 --set scheme.batch=100
  neatfool run experiments/mnist.ini --out /tmp/first-look
  neatfool run experiments/mnist.ini --seeds 1-5 --jobs 2     # runs/mnist/mnist-1 to -5

Ctrl-C ends the run after the current generation, a second one at once; `neatfool resume` goes on
with it. With --seeds they end all runs, a third Ctrl-C kills them, and the same command goes on
with those that are not finished. The exit code is then that of the first run that failed, or 8 if
runs only spent their budget.""",
)
@experiment_parameters
@option(
    "--out DIR",
    "The run's folder; with --seeds, the folder for all runs.  [default: runs/NAME-SEED; "
    "runs/NAME]",
)
@option(
    "--seeds LIST",
    "Run once with each of these seeds, for example 1-5 or 1,3,7-9: each in its own process "
    "and folder.",
    str,
)
@option("--jobs N", "With --seeds: how many runs to do side by side.  [default: 1]")
@option("--generations N", "The length, in generations; give this or --images.")
@option("--images N", "The length, in images scored.")
@option(
    "--workers N",
    "Draw and score in N processes of their own; the same as `--set engine.workers=N`.",
)
@option("--overwrite", "Delete a run in the folder, and start anew.")
@no_report_option
@click.pass_context
def run(
    ctx: click.Context,
    /,
    file: Path,
    out: Path | None,
    seed: int | None,
    seeds: str | None,
    jobs: int | None,
    generations: int | None,
    images: int | None,
    workers: int | None,
    overrides: tuple[str, ...],
    overwrite: bool,
    no_report: bool,
    **observing: Any,
) -> None:
    """Evolve the images of the experiment in FILE.

    FILE may also be the name of an experiment that comes with neatfool, such as mnist.
    """
    if generations is not None and images is not None:
        raise click.UsageError("give --generations or --images, not both")
    given = {
        "experiment.generations": generations,
        "experiment.images": images,
        "engine.workers": workers,
    }
    overrides += tuple(f"{key}={value}" for key, value in given.items() if value is not None)
    if seeds is not None:
        if seed is not None:
            raise click.UsageError("give --seed or --seeds, not both")
        for option in observers_asked_for(observing).values():
            raise click.UsageError(f"{option} is for one run, and --seeds makes several")
        from neatfool.cli.replicates import run_replicates

        debug = bool(ctx.find_root().params.get("debug"))
        how = {"overwrite": overwrite, "report": not no_report, "debug": debug}
        raise SystemExit(run_replicates(file, seeds, out, overrides, jobs=jobs or 1, **how))
    if jobs is not None:
        raise click.UsageError("--jobs is for --seeds; one run is one process")
    console = present.Output(stderr=True)
    with console.status("getting ready (the first time on a machine takes longest)"):
        from neatfool.evolution.assembly import assemble
        from neatfool.evolution.session import start
        from neatfool.experiment.experiment import load_experiment
        from neatfool.plugin.manager import PluginManager

        plugins = PluginManager()
        load_observers(plugins, observing)
        experiment = load_experiment(file, overrides=overrides, seed=seed, plugins=plugins)
        folder = out or Path("runs") / f"{experiment.name}-{experiment.general.seed}"
        assembly = assemble(experiment)
    run_session(start(assembly, folder, overwrite=overwrite), plugins, report=not no_report)


def run_session(session: Session, plugins: PluginManager, *, report: bool) -> None:
    """Run to the end or to Ctrl-C, and show it; write the report, and exit unless all went well."""
    from neatfool.evolution.progress import ProgressDisplay
    from neatfool.evolution.session import interruptible
    from neatfool.present import write_report

    console = present.Output()
    display = ProgressDisplay(console, session)
    plugins.register_object(display, "progress")
    stopping = "\nStopping after this generation; Ctrl-C again stops at once."
    if description := session.description:
        console.print(description, soft_wrap=True, markup=False, highlight=False)
    if session.has_engine:
        console.print("Starting the workers", soft_wrap=True)
    if (plan := session.plan).device:
        console.print(f"Scoring on {plan.describe()}", soft_wrap=True)
    go_on = f"Go on with: neatfool resume {session.run.path}"
    try:
        at_once = session.ledger is not None
        with interruptible(lambda: console.print(stopping), at_once=at_once) as stop:
            outcome = session.go(plugins.observers(), stop)
        _show_outcome(console, session, outcome, scoring=display.scoring_seconds)
        if workers := session.progress_of_workers():
            console.print(f"Drawn and scored by {workers}", soft_wrap=True, markup=False)
        if report and "report" not in plugins.names("command"):
            console.print("No report is written: the plugin command.report is not there.")
        elif report and outcome.generation >= 0:
            with present.Output(stderr=True).status("writing the report"):
                page = write_report(session.run)
            console.print(f"Look at {page}", soft_wrap=True)
            session.run.close()
        if outcome.reason in {"interrupted", "paused"}:
            console.print(go_on, soft_wrap=True)
    except KeyboardInterrupt:
        console.print(f"Stopped before all was written. {go_on}", soft_wrap=True)
        raise SystemExit(INTERRUPTED) from None
    if code := EXIT_CODES.get(outcome.reason):
        raise SystemExit(code)
    if outcome.generation < 0:
        fault = f"{session.run.path}: the run ended without an image"
        raise RunError(f"{fault}; the scheme bred nothing, or more than the run's length allows")


def _why(session: Session, outcome: Outcome) -> str:
    if outcome.reason == "paused":
        whom = "workers" if session.has_engine else "the target"
        return f"Paused because {whom} cannot be reached: {outcome.cause}"
    folder, more = session.run.path, session.queries_to_the_end()
    if more is None:
        return f"{outcome.cause}. Resume it with a larger budget: neatfool resume {folder} --help"
    queries, requests = more
    ledger = session.ledger
    assert ledger is not None
    options = [f"--max-queries {queries}"] if ledger.budget.queries is not None else []
    options += [f"--max-requests {requests}"] if ledger.budget.requests is not None else []
    whole = f"about {queries:,} images in {counted(requests, 'request', 'requests')}"
    again = f"neatfool resume {folder} {' '.join(options)}"
    return f"{outcome.cause}. The whole experiment takes {whole}: {again}"


def _sum_up(run: Run, last: GenerationReport) -> str:
    """Say how well the elites do: ``"Median confidence 99.5 %, lowest …"``."""
    if run.spec.is_objective:
        best = f"Best score {four_digits(run.best().score)}" if len(run) else "No image yet"
        if len(run.searched) == 1:
            return best
        filled = f"{last.filled:,} of {len(run.searched):,} niches filled"
        return f"{best}, median {four_digits(last.median)}; {filled}"
    middle, lowest = run.ranks
    return (
        f"Median confidence {percent(last.median, middle)}, lowest "
        f"{percent(last.minimum, lowest)}; {last.classes_ge[2]} of {len(run.searched)} classes "
        f">= 99 %, {last.classes_ge[3]} >= 99.99 %"
    )


def _show_outcome(
    console: present.Output, session: Session, outcome: Outcome, *, scoring: float
) -> None:
    run = session.run
    history = run.history
    if outcome.cause:
        console.print(_why(session, outcome), style="yellow", soft_wrap=True, markup=False)
    if requests := run.requests:
        console.print(spending(requests), soft_wrap=True, markup=False)
    if not history:
        console.print("Nothing is recorded yet.")
        return
    last = history[-1]
    times = [duration(outcome.seconds)] if outcome.seconds >= 1 else []
    if scoring:
        times.append(f"scoring took {share(scoring / outcome.seconds)} of the time")
    took = f" ({'; '.join(times)})" if times else ""
    done = counted(last.generation + 1, "generation", "generations")
    images = counted(last.evaluations, "image", "images")
    whole = f"{run.name}, seed {run.seed}: {outcome.reason} after {done} and {images}{took}"
    console.print(f"{whole}. {_sum_up(run, last)}.", soft_wrap=True)
    if refused := sum(report.refused for report in history):
        console.print(f"{left_out(refused)}.", style="yellow")
    console.print(f"Images are in {run.path / 'images'}", soft_wrap=True)
