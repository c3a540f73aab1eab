"""The command ``neatfool retrain``: teach a network its fooling images, and fool it again.

The modules: :mod:`.rounds` goes from round to round, as a plan says, takes the images of each from
its runs, and trains networks on them; :mod:`.finding` is what came out. The searches are made by
the program's own ``run`` and ``resume``.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, redirect_stdout
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from neatfool import hookimpl
from neatfool.present import (
    FiniteRange,
    measure_command,
    option,
    overrides_option,
)

if TYPE_CHECKING:
    from neatfool import Experiment, Run
    from neatfool.present import Finding, Output

    from .finding import Judged
    from .rounds import Lenets

A_PATH: Final = click.Path(path_type=Path)
ROUNDS: Final = 15
"""As in the paper."""
MOST_ROUNDS: Final = 40
"""Where ``--until-safe`` ends, if nothing is said."""


@measure_command(
    """
    neatfool retrain experiments/mnist.ini
    neatfool retrain experiments/mnist.ini --data ~/mnist --html retrained.html
    neatfool retrain experiments/mnist.ini --until-safe --out runs/until-safe
    neatfool retrain experiments/mnist.ini --set experiment.generations=20 --rounds 3 --json

    The same command goes on where it was interrupted, also with more --rounds.
    """,
    runs="EXPERIMENT",
    elites=False,
    queries=False,
    csv="Write each class's confidence in each search as comma-separated values.",
    html="Write a page with chart and images.",
)
@option("--out DIR", "The folder for all rounds.  [default: runs/NAME-retrained-SEED]")
@option(
    "--rounds N",
    "How many rounds; the first fools the network as it is.  [default: 15; 40 with --until-safe]",
)
@option("--until-safe", "Stop after the first round in which no image reaches 50 %.")
@option("--searches N", "Searches a round, each with a seed of its own.", default=1)
@option(
    "--first-images N",
    "Fooling images that the first retrained network learns.",
    click.IntRange(min=2),
    6000,
)
@option(
    "--more-images N",
    "Fooling images that each further network learns in addition.",
    click.IntRange(min=2),
    1000,
)
@option(
    "--also RUN|FOLDER",
    "A finished run whose images the first retrained network learns, too; may be repeated.",
    multiple=True,
)
@option(
    "--data DIR",
    "The folder with MNIST's four idx files.  [default: download them]",
    exists=True,
    file_okay=False,
)
@option("--epochs N", "How often to train on each image.", default=3)
@option(
    "--learning-rate X",
    "The highest learning rate of the training.",
    FiniteRange(min=0, min_open=True),
    0.05,
)
@option(
    "--least-accuracy P",
    "Stop, with exit code 4, if a network recognises a smaller share of real images.",
    click.FloatRange(0, 1),
    0.985,
)
@option("--seed N", "The seed, not the file's.", click.IntRange(min=0))
@overrides_option
@click.pass_context
def retrain(
    ctx: click.Context,
    /,
    *,
    runs: Path,
    out: Path | None,
    rounds: int | None,
    also: tuple[Path, ...],
    data: Path | None,
    epochs: int,
    learning_rate: float,
    overrides: tuple[str, ...],
    seed: int | None,
    console: Output,
    **given: Any,
) -> Finding:
    """Teach a network its fooling images, fool it again, and so on, round after round.

    Images are evolved as EXPERIMENT says. A network with one more class, "fooling", learns them
    together with real images; then images are evolved against that network. You see how sure each
    round's network is of its new fooling images, and what it says of real images.

    Networks of the target `mnist` can be retrained. `DIR/round-02` has the network that round 2
    fools, and the runs that fool it.
    """
    from neatfool import load_experiment

    from .finding import Retraining, Round
    from .rounds import Plan, go_on, take_folder

    experiment = load_experiment(runs, overrides=overrides, seed=seed)
    with ExitStack() as ending:
        with console.status("getting ready"):
            learner = _learner(experiment, data, epochs, learning_rate)
        plan = Plan(
            experiment=experiment,
            folder=out or Path("runs") / f"{experiment.name}-retrained-{experiment.general.seed}",
            rounds=rounds or (MOST_ROUNDS if given["until_safe"] else ROUNDS),
            seed=experiment.general.seed,
            also=_open_also(also, experiment, ending),
            learnt_by=learner.identity(),
            **given,
        )
        ending.callback(take_folder(plan).release)

        def evolve(folder: Path, seed: int, options: Mapping[str, str]) -> Run:
            settings = (*overrides, *(f"{key}={value}" for key, value in options.items()))
            run = _search(ctx, runs, folder, seed, settings)
            return ending.enter_context(closing(run))

        ended: list[Judged] = []
        try:
            # Each thing that is under way is told once.
            for judged in go_on(plan, learner, evolve, cache(console.say)):
                console.say(f"round {judged.round} of {plan.rounds}: {judged.words}")
                ended.append(judged)
        except (KeyboardInterrupt, SystemExit):
            console.say(f"The same command goes on in {plan.folder}")
            raise
    found = Retraining(
        name=experiment.name,
        experiment=str(experiment.path),
        target=str(experiment.target.label),
        folder=str(plan.folder),
        seed=plan.seed,
        first_images=plan.first_images,
        more_images=plan.more_images,
        other_images=sum(map(len, plan.also)),
        least_accuracy=plan.least_accuracy,
        rounds=tuple(each for each in ended if isinstance(each, Round)),
        refused=None if isinstance(ended[-1], Round) else ended[-1],
    )
    if problem := found.problem():
        console.say(problem)
    return found


def _learner(
    experiment: Experiment, data: Path | None, epochs: int, learning_rate: float
) -> Lenets:
    """Make what trains the experiment's network, a LeNet whose scheme can choose classes."""
    from neatfool import ExperimentError

    resolved = experiment.resolved()
    place = experiment.path
    if "classes" not in resolved["scheme"]:
        raise ExperimentError(
            f"{place}: [scheme] plugin = {resolved['scheme']['plugin']}: has no option 'classes', "
            "and would search for the class of fooling images, too; use map_elites"
        )
    options: Any = experiment.target.options
    name = resolved["target"]["plugin"]
    if name != "mnist":
        raise ExperimentError(
            f"{place}: [target] plugin = {name}: retrain can train networks of the target mnist "
            "only; use it"
        )
    from ..training import Recipe
    from .rounds import Lenets

    return Lenets(data, options.weights, Recipe(epochs=epochs, learning_rate=learning_rate))


def _open_also(paths: Sequence[Path], experiment: Experiment, ending: ExitStack) -> tuple[Run, ...]:
    """Open the runs of ``--also``, whose images have the size of the experiment's."""
    from neatfool import ExperimentError, open_runs

    runs = tuple(ending.enter_context(open_runs(paths))) if paths else ()
    spec = experiment.target.spec()
    for run in runs:
        if spec is not None and run.spec.shape != spec.shape:
            raise ExperimentError(
                f"--also {run.path}: its images have the shape {run.spec.shape}, and the "
                f"experiment's {spec.shape}; give runs of the same size"
            )
    return runs


def _search(
    ctx: click.Context, file: Path, folder: Path, seed: int, settings: Sequence[str]
) -> Run:
    """Evolve images, or go on where that was interrupted; what it prints goes to standard error."""
    from neatfool import open_run

    if (folder / "run.db").is_file():
        run = open_run(folder)
        if run.finished:
            return run
        run.close()
        name, arguments = "resume", [str(folder), "--no-report"]
    else:
        name = "run"
        arguments = [str(file), "--out", str(folder), "--seed", str(seed), "--no-report"]
        arguments += [word for each in settings for word in ("--set", each)]
    program = cast("click.Group", ctx.find_root().command)
    command = program.get_command(ctx, name)
    assert command is not None
    with redirect_stdout(sys.stderr), command.make_context(name, arguments, parent=ctx) as inner:
        command.invoke(inner)
    return open_run(folder)


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool retrain``."""
    cli.add_command(retrain)
