"""Runs the search of an audit, with the framework's own commands."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from neatfool import (
    Differentiable,
    RunError,
    TargetError,
    find_runs,
    load_experiment,
    open_run,
    open_scorer,
)
from neatfool.analysis import find_reached, match_temperature
from neatfool.models import photographs_of
from neatfool.ood import behind
from neatfool.wording import format_seeds

if TYPE_CHECKING:
    import click

    from neatfool import Experiment, ImageSpec, Run

SMALLEST_PATTERNS: Final = 64
"""From so many pixels a side on, images are drawn as in imagenet.ini, else as in mnist.ini."""
SMALL: Final[dict[str, dict[str, Any]]] = {
    "encoding": {"plugin": "cppn", "preset": "paper", "inputs": "normalised"},
    "scheme": {"plugin": "map_elites", "batch": 200},
}
LARGE: Final[dict[str, dict[str, Any]]] = {
    "encoding": {"plugin": "cppn", "preset": "patterns"},
    "scheme": {"plugin": "map_elites", "batch": 96, "initial": 1200},
}
LEARNING: Final = {"learn": 0.5, "learn_rate": 0.2}
"""With a network that gives gradients, half of the images are spent on learning."""
LARGEST_BEGINNING: Final = 0.5
"""The random beginning takes at most this share of the images. So audits of 2,400 and more begin
alike."""
SECONDS_OF_TRIAL: Final = 2


@dataclass(frozen=True)
class Search:
    """A search with several seeds."""

    file: Path
    """The experiment's file."""
    overrides: tuple[str, ...]
    """What changes in it, as for ``--set``."""
    experiment: Experiment
    """The experiment, with these."""
    images: int
    """How many images each run scores."""
    seeds: tuple[int, ...]
    """The seeds."""
    folder: Path
    """The folder for the runs."""
    costs: bool
    """Whether each image costs something."""
    classes: int | None
    """How many classes the target has; None if that is not known beforehand."""
    chosen: tuple[str, ...]
    """The sections that the file leaves open, so that the audit chose them."""
    fingerprint: str | None
    """That of the target now; None if it is not asked, as each image costs something."""
    photographs: int
    """How many in-distribution images the target brings along, to be shown to it."""

    def runs(self) -> dict[int, Run]:
        """Open the runs that are there, by seed; the caller closes them.

        Raises:
            RunError: The target is another one now.
        """
        try:
            folders = find_runs(self.folder)
        except RunError:
            return {}
        opened = (open_run(folder) for folder in folders)
        mine = {run.seed: run for run in opened if run.name == self.experiment.name}
        found = {seed: mine[seed] for seed in self.seeds if seed in mine}
        for run in found.values():
            if self.fingerprint not in {None, run.info["target"]["fingerprint"]}:
                raise RunError(
                    f"{run.path}: the target is not the one that was searched (its weights, code "
                    "or temperature changed); search it anew with --overwrite, or elsewhere with "
                    "--out DIR"
                )
        return found

    def left(self) -> int:
        """Count the images that are still to be scored."""
        left = self.images * len(self.seeds)
        for run in self.runs().values():
            with closing(run):
                done = run.evaluations
                left -= self.images if run.has_reached(None, self.images) else done
        return left


def plan(
    file: Path,
    overrides: Sequence[str],
    images: int,
    seeds: Sequence[int],
    folder: Path | None,
    *,
    matched: float | None = None,
    known: Path | None = None,
) -> Search:
    """Read the experiment, and choose how to search where it does not say.

    Of many classes of which in-distribution images (``known``) reach few, it is for these alone.
    A search at a matched confidence has a folder of its own: another temperature is another target.

    Raises:
        NeatfoolError: The experiment or its target is wrong.
    """
    overrides = [*overrides, f"experiment.images={images}"]
    given = load_experiment(file, overrides=overrides, to_search=False)
    costs, learns, spec, fingerprint, photographs, reached = _look_at(given, known)
    chosen = [
        kind
        for kind, choice in (("encoding", given.encoding), ("scheme", given.scheme))
        if not choice.section.values
    ]
    best = _best(spec, images, learns=learns)
    for kind in chosen:
        overrides += [f"{kind}.{key}={value}" for key, value in best[kind].items()]
    experiment = load_experiment(file, overrides=overrides, seed=seeds[0])
    if reached and experiment.resolved()["scheme"].get("classes") == []:
        overrides.append(f"scheme.classes={json.dumps(reached)}")
        experiment = load_experiment(file, overrides=overrides, seed=seeds[0])
    at = "" if matched is None else f"-at-{matched:g}"
    return Search(
        file=file,
        overrides=tuple(overrides),
        experiment=experiment,
        images=images,
        seeds=tuple(seeds),
        folder=folder or Path("runs") / f"audit-{experiment.name}{at}",
        costs=costs,
        classes=None if spec is None or spec.open else len(spec.classes),
        chosen=tuple(chosen),
        fingerprint=fingerprint,
        photographs=photographs,
    )


def at_matched_confidence(
    file: Path, overrides: Sequence[str], confidence: float, known: Path | None
) -> str:
    """Find the temperature of a median confidence; give the override that sets it.

    Raises:
        NeatfoolError: The target is metered, say, or there are no in-distribution images.
    """
    plain = [*overrides, "target.logit_temperature=1"]
    with closing(open_scorer(load_experiment(file, overrides=plain, to_search=False))) as scorer:
        return f"target.logit_temperature={match_temperature(scorer, confidence, known)}"


def _look_at(
    experiment: Experiment, known: Path | None
) -> tuple[bool, bool, ImageSpec | None, str | None, int, list[str]]:
    """Say if it costs something, and gives gradients; its images, fingerprint, photographs.

    Last come the classes to search for, if these are few of many.
    """
    if experiment.target.costs:
        return True, False, experiment.target.spec(), None, 0, []
    with closing(open_scorer(experiment)) as scorer:
        learns = isinstance(scorer.target, Differentiable)
        photographs = 0 if scorer.costs else len(photographs_of([behind(scorer.target)]))
        reached = find_reached(scorer, known)
        return scorer.costs, learns, scorer.spec, scorer.fingerprint, photographs, reached


def _best(spec: ImageSpec | None, images: int, *, learns: bool) -> Mapping[str, Mapping[str, Any]]:
    """Give the best search that is known for a target: what imagenet.ini or mnist.ini say."""
    if spec is not None and min(spec.height, spec.width) < SMALLEST_PATTERNS:
        return SMALL
    scheme = LARGE["scheme"] | (LEARNING if learns else {})
    most = max(scheme["batch"], int(LARGEST_BEGINNING * images))
    return {**LARGE, "scheme": scheme | {"initial": min(scheme["initial"], most)}}


def measure_speed(ctx: click.Context, search: Search) -> float | None:
    """Try for a moment how many images a second the search scores; None if it cannot be told."""
    scheme = search.experiment.resolved()["scheme"]
    arguments = ["--json", "--seconds", str(SECONDS_OF_TRIAL), *_settings(search)]
    if "initial" in scheme and "batch" in scheme:
        # A large random beginning would take longer than the trial may.
        arguments += ["--set", f"scheme.initial={scheme['batch']}"]
    output = io.StringIO()
    try:
        with redirect_stdout(output):
            _call(ctx, "bench", [str(search.file), *arguments])
    except (RunError, TargetError):
        return None  # The run itself will say what is wrong, if it is.
    return float(json.loads(output.getvalue())["images_per_s"])


def run_all(
    ctx: click.Context, search: Search, *, jobs: str, overwrite: bool, most: int | None
) -> None:
    """Run the experiment with all seeds; go on with what was interrupted.

    Args:
        ctx: The command's context.
        search: The search.
        jobs: How many runs side by side, as in ``neatfool run``.
        overwrite: Whether to delete runs that are there.
        most: How many queries each run may send, if they cost something.

    Raises:
        SystemExit: A run did not finish; its code is that of ``neatfool run``.
        NeatfoolError: The folder holds other runs, say.
    """
    arguments = [str(search.file), *_settings(search), "--out", str(search.folder)]
    arguments += ["--seeds", format_seeds(search.seeds), "--jobs", jobs, "--no-report"]
    if overwrite:
        arguments.append("--overwrite")
    if most is not None:
        arguments += ["--set", f"target.max_queries={most}"]
    with redirect_stdout(sys.stderr):
        try:
            _call(ctx, "run", arguments)
        except SystemExit as end:
            if end.code:
                raise


def refuse_longer(runs: Sequence[Run], images: int) -> None:
    """Refuse runs that went on beyond the budget.

    Raises:
        RunError: A run scored more images.
    """
    for run in runs:
        if run.evaluations > images:
            raise RunError(
                f"{run.path}: has scored {run.evaluations:,} images, more than the budget of "
                f"{images:,}; give --images {run.evaluations}, or another folder with --out"
            )


def _settings(search: Search) -> list[str]:
    return [word for each in search.overrides for word in ("--set", each)]


def _call(ctx: click.Context, name: str, arguments: list[str]) -> None:
    """Call a command of neatfool as a person would."""
    root = ctx.find_root()
    command = root.command.get_command(root, name)  # type: ignore[attr-defined]
    with command.make_context(name, arguments, parent=root) as called:
        command.invoke(called)
