"""``neatfool retrain``: a table that can be read without colour, JSON, and a page."""

from __future__ import annotations

import json
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from neatfool import FileToWrite, FiniteRange, trust_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool import Experiment, Output, Run

    from .lenets import Lenets
    from .plan import Plan
    from .rounds import Round

A_PATH: Final = click.Path(path_type=Path)
A_FOLDER: Final = click.Path(exists=True, file_okay=False, path_type=Path)
SECONDS_BETWEEN_LINES: Final = 5.0
"""How often progress is told within a round: not so often that it fills a log."""
ROUNDS: Final = 15
"""As in the paper."""
MOST_ROUNDS: Final = 40
"""Where ``--until-safe`` ends, if nothing is said."""


@click.command(
    epilog="""\b
Examples:
  neatfool retrain experiments/mnist.ini
  neatfool retrain experiments/mnist.ini --data ~/mnist --html retrained.html
  neatfool retrain experiments/mnist.ini --until-safe --out runs/until-safe
  neatfool retrain experiments/mnist.ini --set experiment.generations=20 --rounds 3 --json

The same command goes on where it was interrupted, also with more --rounds.""",
)
@click.argument("file", metavar="EXPERIMENT", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=A_PATH,
    metavar="DIR",
    help="The folder for all rounds.  [default: runs/NAME-retrained-SEED]",
)
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many rounds; the first fools the network as it is.  [default: 15; 40 with "
    "--until-safe]",
)
@click.option(
    "--until-safe",
    is_flag=True,
    help="Stop after the first round in which no image reaches 50 %.",
)
@click.option(
    "--searches",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    help="Searches a round, each with a seed of its own.",
)
@click.option(
    "--first-images",
    type=click.IntRange(min=2),
    default=6000,
    show_default=True,
    metavar="N",
    help="Fooling images that the first retrained network learns.",
)
@click.option(
    "--more-images",
    type=click.IntRange(min=2),
    default=1000,
    show_default=True,
    metavar="N",
    help="Fooling images that each further network learns in addition.",
)
@click.option(
    "--also",
    multiple=True,
    type=A_PATH,
    metavar="RUN|FOLDER",
    help="A finished run whose images the first retrained network learns, too; may be repeated.",
)
@click.option(
    "--data",
    type=A_FOLDER,
    metavar="DIR",
    help="The folder with MNIST's four idx files.  [default: download them]",
)
@click.option(
    "--epochs",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    metavar="N",
    help="How often to train on each image.",
)
@click.option(
    "--learning-rate",
    type=FiniteRange(min=0, min_open=True),
    default=0.05,
    show_default=True,
    metavar="X",
    help="The highest learning rate of the training.",
)
@click.option(
    "--least-accuracy",
    type=click.FloatRange(0, 1),
    default=0.985,
    show_default=True,
    metavar="P",
    help="Stop, with exit code 4, if a network recognises a smaller share of real images.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="The seed, not the file's.")
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="SECTION.KEY=VALUE",
    help="Change an option of the experiment; may be repeated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--html",
    "html_file",
    type=FileToWrite(),
    metavar="FILE",
    help="Write a page with chart and images.",
)
@trust_option
@click.pass_context
def retrain(
    ctx: click.Context,
    /,
    *,
    file: Path,
    out: Path | None,
    also: tuple[Path, ...],
    data: Path | None,
    epochs: int,
    learning_rate: float,
    overrides: tuple[str, ...],
    seed: int | None,
    as_json: bool,
    html_file: Path | None,
    **given: Any,
) -> None:
    """Teach a network its fooling images, fool it again, and so on, round after round.

    Images are evolved as EXPERIMENT says. A network with one more class, "fooling", learns them
    together with real images; then images are evolved against that network. You see how sure each
    round's network is of its new fooling images, and what it says of real images.

    Networks of the target `mnist` can be retrained. `DIR/round-02` has the network that round 2
    fools, and the runs that fool it.
    """
    from neatfool import Output, TargetError, load_experiment

    from .page import write_retraining
    from .plan import take_folder
    from .search import search
    from .wording import to_json, too_few_right

    waiting = Output(stderr=True)
    experiment = load_experiment(file, overrides=overrides, seed=seed)
    with ExitStack() as ending:
        with waiting.status("getting ready"):
            learner = _learner(experiment, data, epochs, learning_rate)
        given["also"] = _open_also(also, experiment, ending)
        plan = _plan(experiment, learner, overrides, out, given)
        ending.callback(take_folder(plan).release)

        def evolve(folder: Path, seed: int, options: dict[str, str]) -> Run:
            run = search(ctx, file, folder, seed=seed, overrides=plan.overrides, options=options)
            return ending.enter_context(closing(run))

        try:
            rounds = _go(plan, learner, evolve, waiting)
        except (KeyboardInterrupt, SystemExit):
            text = f"The same command goes on in {plan.folder}"
            waiting.say(text)
            raise
        if as_json:
            click.echo(json.dumps(to_json(plan, rounds), indent=1))
        else:
            _show(plan, rounds, Output())
        if html_file:
            with waiting.status("drawing"):
                write_retraining(plan, rounds, html_file)
            click.echo(f"Look at {html_file}", err=as_json)
        if problem := too_few_right(plan, rounds):
            raise TargetError(problem)


def _learner(
    experiment: Experiment, data: Path | None, epochs: int, learning_rate: float
) -> Lenets:
    """Make what trains the experiment's network.

    Raises:
        ExperimentError: It is no LeNet, or the experiment's scheme does not choose classes.
    """
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
    from .lenets import Lenets

    return Lenets(data, options.weights, Recipe(epochs=epochs, learning_rate=learning_rate))


def _open_also(paths: Sequence[Path], experiment: Experiment, ending: ExitStack) -> tuple[Run, ...]:
    """Open the runs of ``--also``.

    Raises:
        RunError: There is none in a folder.
        ExperimentError: Their images have another size than the experiment's.
    """
    from neatfool import ExperimentError, open_runs

    runs = tuple(ending.enter_context(open_runs(paths)))
    spec = experiment.target.spec()
    for run in runs:
        if spec is not None and run.spec.shape != spec.shape:
            raise ExperimentError(
                f"--also {run.path}: its images have the shape {run.spec.shape}, and the "
                f"experiment's {spec.shape}; give runs of the same size"
            )
    return runs


def _plan(
    experiment: Experiment,
    learner: Lenets,
    overrides: tuple[str, ...],
    out: Path | None,
    given: dict[str, Any],
) -> Plan:
    from .plan import Plan

    seed = experiment.general.seed
    return Plan(
        experiment=experiment,
        overrides=overrides,
        folder=out or Path("runs") / f"{experiment.name}-retrained-{seed}",
        rounds=given.pop("rounds") or (MOST_ROUNDS if given["until_safe"] else ROUNDS),
        seed=seed,
        **given,
        learnt_by=learner.identity(),
    )


def _go(
    plan: Plan,
    learner: Lenets,
    evolve: Callable[[Path, int, dict[str, str]], Run],
    console: Output,
) -> list[Round]:
    """Go from round to round, and tell how far it is."""
    import time

    from neatfool import percent, share

    from .rounds import go_on

    shown, last = time.monotonic(), ""

    def note(what: str) -> None:
        nonlocal shown, last
        if what != last and time.monotonic() - shown > SECONDS_BETWEEN_LINES:
            shown, last = time.monotonic(), what
            console.say(what)

    rounds = []
    for each in go_on(plan, learner, evolve, note):
        rounds.append(each)
        text = f"round {each.number} of {plan.rounds}: "
        text += f"right on {share(each.judgement.accuracy, 2)} of real images"
        text += f", median confidence {percent(each.median)}" if each.runs else ""
        console.say(text)
    return rounds


def _show(plan: Plan, rounds: Sequence[Round], console: Output) -> None:
    from . import wording

    console.say(wording.headline(rounds), "bold")
    for text in wording.course(rounds):
        console.say(text)
    for text in wording.notes(plan, rounds):
        console.say(f"Note: {text}")
    classes = rounds[0].confidences.shape[1]
    console.table(wording.HEADS, [wording.cells(each, classes) for each in rounds], lines=True)
    console.say(f"Networks and runs are in {plan.folder}")
