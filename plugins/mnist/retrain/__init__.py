"""The command ``neatfool retrain``: teach a network its fooling images, and fool it again.

The modules: :mod:`.rounds` goes from round to round, takes the images of each from its runs, and
trains networks on them; :mod:`.finding` is what came out. The searches are made by the program's
own ``run`` and ``resume``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import click

from neatfool import hookimpl
from neatfool.present import FOLDER, make_measure_command
from neatfool.wording import percent, share

if TYPE_CHECKING:
    from neatfool import Experiment
    from neatfool.present import Finding, Output


def retrain(
    experiment: Annotated[Path, "EXPERIMENT"],
    *,
    out: Annotated[Path | None, "DIR"] = None,
    rounds: int = 15,
    first_images: Annotated[int, click.IntRange(min=2)] = 6000,
    more_images: Annotated[int, click.IntRange(min=2)] = 1000,
    data: Annotated[Path | None, "DIR", FOLDER] = None,
    epochs: int = 3,
    seed: Annotated[int | None, click.IntRange(min=0)] = None,
    overrides: Sequence[str] = (),
    console: Output,
) -> Finding:
    """Retrain a classifier on its fooling images, in rounds.

    Images are evolved as EXPERIMENT says. A network with one more class, "fooling", learns them
    together with real images; then images are evolved against that network. You see how sure each
    round's network is of its new fooling images, and what it says of real images.

    Networks of the target `mnist` can be retrained. `DIR/round-02` has the network that round 2
    fools, and the run that fools it.

    Args:
        experiment: The experiment's file.
        out: The folder for all rounds.  [default: runs/NAME-retrained-SEED]
        rounds: How many rounds; the first fools the network as it is.
        first_images: Fooling images that the first retrained network learns.
        more_images: Fooling images that each further network learns in addition.
        data: The folder with MNIST's four idx files, gzipped or not.  [default: download them]
        epochs: How often to train on each image.
        seed: The seed, not the file's.
        overrides: Keys of the experiment to override, as ``SECTION.KEY=VALUE``.
        console: Shows how far it is.

    Examples:
        neatfool retrain experiments/mnist.ini
        neatfool retrain experiments/mnist.ini --data ~/mnist --html retrained.html
        neatfool retrain experiments/mnist.ini --set experiment.generations=20 --rounds 3 --json

        The same command goes on where it was interrupted, also with more --rounds.
    """
    from ..training import read
    from .finding import RetrainingResult
    from .rounds import Rounds

    given = _load(experiment, overrides, seed)
    with console.status("getting ready"):
        digits = read(data)
    plan = Rounds(
        experiment=given,
        folder=out or Path("runs") / f"{given.name}-retrained-{given.general.seed}",
        digits=digits,
        epochs=epochs,
        first_images=first_images,
        more_images=more_images,
        overrides=overrides,
        console=console,
    )
    ended = []
    with plan.take_folder():
        try:
            for each in plan.go_on(rounds):
                console.say(
                    f"round {each.round} of {rounds}: right on {share(each.accuracy, 2)} of real "
                    f"images, median confidence {percent(each.median)}"
                )
                ended.append(each)
        except (KeyboardInterrupt, SystemExit):
            console.say(f"The same command goes on in {plan.folder}")
            raise
    return RetrainingResult(
        name=given.name,
        experiment=str(given.path),
        folder=str(plan.folder),
        seed=given.general.seed,
        real_images=len(digits.test.labels),
        rounds=tuple(ended),
    )


def _load(file: Path, overrides: Sequence[str], seed: int | None) -> Experiment:
    """Load the experiment, and refuse one whose network cannot be retrained."""
    from neatfool import ExperimentError, load_experiment

    given = load_experiment(file, overrides=overrides, seed=seed)
    scheme, target = (given.resolved()[kind] for kind in ("scheme", "target"))
    if "classes" not in scheme:
        raise ExperimentError(
            f"{given.path}: [scheme] plugin = {scheme['plugin']}: has no option 'classes', "
            "and would search for the class of fooling images, too; use map_elites"
        )
    if target["plugin"] != "mnist":
        raise ExperimentError(
            f"{given.path}: [target] plugin = {target['plugin']}: retrain can train networks "
            "of the target mnist only; use it"
        )
    return given


@hookimpl
def neatfool_add_commands(cli: click.Group) -> None:
    """Add ``neatfool retrain``."""
    cli.add_command(make_measure_command("retrain", retrain))
