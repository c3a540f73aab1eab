"""Replicates: runs of one experiment, in one folder, with seeds as people list them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Final, Literal

from neatfool.errors import ExperimentError, RunError
from neatfool.experiment.differences import agrees, tell_differences
from neatfool.run.folder import DATABASE
from neatfool.wording import format_seeds

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from neatfool.experiment.experiment import Experiment
    from neatfool.run.run import Run

MOST_SEEDS: Final = 10_000
"""A list has at most this many seeds: a longer one is a typing error."""
_HIGHEST: Final = 2**63 - 1
_PART: Final = re.compile(r"(\d{1,19})(?:\s*-\s*(\d{1,19}))?", re.ASCII)


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
    from neatfool.fooling.opening import open_run

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
        options = tell_differences(experiment.identity(), recorded)
        raise RunError(
            f"{run.path}: holds a run of another experiment ({options}). --out DIR writes "
            "elsewhere, --overwrite starts all anew"
        )
    if run.has_reached(experiment.general.generations, experiment.general.images):
        return Replicate(experiment.general.seed, run.path, "finished")
    length = {"generations": experiment.general.generations, "images": experiment.general.images}
    before = run.experiment["experiment"]
    longer: tuple[str, ...] = ()
    if any(before[kind] != number for kind, number in length.items()):
        longer = next((f"--{kind}", str(number)) for kind, number in length.items() if number)
    return Replicate(experiment.general.seed, run.path, "unfinished", longer)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Read seeds and ranges of seeds (both ends included), separated by commas, in their order.

    Raises:
        ExperimentError: The text is not such a list, or holds a seed twice.
    """
    seeds: list[int] = []
    for part in text.split(","):
        first, last = _range(part.strip(), text)
        if last - first >= MOST_SEEDS - len(seeds):
            raise ExperimentError(f"seeds {text!r}: more than {MOST_SEEDS:,}; give fewer")
        seeds += range(first, last + 1)
    twice = sorted({seed for seed, other in pairwise(sorted(seeds)) if seed == other})
    if twice:
        raise ExperimentError(
            f"seeds {text!r}: {format_seeds(twice)} twice; name each seed once, since a second run "
            "would be the same"
        )
    return tuple(seeds)


def _range(part: str, text: str) -> tuple[int, int]:
    match = _PART.fullmatch(part)
    if not match:
        fault = f"{part!r} is not a seed" if part else "one comma is too many"
        raise ExperimentError(f"seeds {text!r}: {fault}; write 1-5, or 1,3,7-9")
    first = int(match[1])
    last = int(match[2] or first)
    if last < first:
        raise ExperimentError(f"seeds {text!r}: {part} runs backwards; write {last}-{first}")
    if last > _HIGHEST:
        raise ExperimentError(f"seeds {text!r}: {last} is above {_HIGHEST}, the highest seed")
    return first, last
