"""Replicates: runs of one experiment with different seeds, in one folder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from neatfool.errors import RunError
from neatfool.experiment.differences import agrees, tell_differences
from neatfool.fooling.opening import open_run
from neatfool.run.folder import DATABASE

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neatfool.experiment.experiment import Experiment
    from neatfool.run.run import Run


@dataclass(frozen=True)
class Replicate:
    """A run of an experiment with one of several seeds.

    Attributes:
        state: ``"new"``, ``"unfinished"`` or ``"finished"``.
        longer: Options of ``neatfool resume`` that change its length, if the length changed.
    """

    seed: int
    folder: Path
    state: Literal["new", "unfinished", "finished"]
    longer: tuple[str, ...] = ()


def plan_replicates(
    experiment: Experiment, seeds: Sequence[int], folder: Path, *, overwrite: bool = False
) -> list[Replicate]:
    """Find out which replicates are new, unfinished or finished.

    Args:
        experiment: The experiment, with any seed.
        seeds: The replicates' seeds.
        folder: The parent of their folders, which are named ``NAME-SEED``.
        overwrite: Whether to start existing runs anew.

    Raises:
        RunError: A folder holds a run of another experiment, or one that cannot be read.
    """
    planned = []
    for seed in seeds:
        place = folder / f"{experiment.name}-{seed}"
        if overwrite or not (place / DATABASE).is_file():
            planned.append(Replicate(seed, place, "new"))
            continue
        run = open_run(place)
        try:
            general = experiment.general.model_copy(update={"seed": seed})
            planned.append(_plan_existing(replace(experiment, general=general), run))
        finally:
            run.close()
    return planned


def _plan_existing(experiment: Experiment, run: Run) -> Replicate:
    recorded = run.info["identity"]
    if not agrees(recorded, experiment.identity()):
        found = tell_differences(experiment.identity(), recorded)
        raise RunError(
            f"{run.path}: holds a run of another experiment ({found}). --out DIR writes elsewhere, "
            "--overwrite starts all anew"
        )
    if run.has_reached(experiment.general.generations, experiment.general.images):
        return Replicate(experiment.general.seed, run.path, "finished")
    length = {"generations": experiment.general.generations, "images": experiment.general.images}
    before = run.experiment["experiment"]
    longer: tuple[str, ...] = ()
    if any(before[kind] != number for kind, number in length.items()):
        longer = next((f"--{kind}", str(number)) for kind, number in length.items() if number)
    return Replicate(experiment.general.seed, run.path, "unfinished", longer)
