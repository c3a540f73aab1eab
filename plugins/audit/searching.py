"""Runs the search of an audit, with the framework's own commands."""

import io
import json
import sys
from collections.abc import Sequence
from configparser import ConfigParser
from contextlib import closing, redirect_stderr, redirect_stdout
from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from neatfool import (
    Differentiable,
    ImageSpec,
    Run,
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
from neatfool.present import Output
from neatfool.wording import duration, format_seeds

SMALLEST_PATTERNS: Final = 64
"""From so many pixels a side on, images are drawn as in imagenet.ini, else as in mnist.ini."""
LARGEST_BEGINNING: Final = 0.5
"""The random beginning takes at most this share of the images. So audits of 2,400 and more begin
alike."""
SECONDS_OF_TRIAL: Final = 2
FEWEST_TRIED: Final = 1000
"""Fewer images are scored without a trial of how long that takes."""


class Search:
    """A search with several seeds; ``chosen`` are the sections that the audit chose."""

    def __init__(
        self,
        file: Path,
        overrides: Sequence[str],
        images: int,
        seeds: Sequence[int],
        folder: Path | None,
        *,
        matched: float | None = None,
        known: Path | None = None,
    ) -> None:
        """Read the experiment, and choose how to search, and for what, where it does not say."""
        self._file, self._overrides = file, [*overrides, f"experiment.images={images}"]
        self.images, self.seeds = images, tuple(seeds)
        if matched is not None:
            plain = [*overrides, "target.logit_temperature=1"]
            given = load_experiment(file, overrides=plain, to_search=False)
            with closing(open_scorer(given)) as scorer:
                temperature = match_temperature(scorer, matched, known)
            self._overrides.append(f"target.logit_temperature={temperature}")
        given = load_experiment(file, overrides=self._overrides, to_search=False)
        self.costs, self.photographs, self._fingerprint = given.target.costs, 0, None
        learns, reached = False, list[str]()
        if self.costs:
            spec = given.target.spec()
        else:
            with closing(open_scorer(given)) as scorer:
                spec, self.costs, self._fingerprint = scorer.spec, scorer.costs, scorer.fingerprint
                learns = isinstance(scorer.target, Differentiable)
                if not self.costs:
                    self.photographs = len(photographs_of([behind(scorer.target)]))
                reached = find_reached(scorer, known)
        self.classes = None if spec is None or spec.open else len(spec.classes)
        both = {"encoding": given.encoding, "scheme": given.scheme}
        self.chosen = tuple(kind for kind, choice in both.items() if not choice.section.values)
        best = _best(spec, images, learns=learns)
        self._overrides += [
            f"{kind}.{key}={value}" for kind in self.chosen for key, value in best[kind].items()
        ]
        self.experiment = load_experiment(file, overrides=self._overrides, seed=seeds[0])
        if reached and self.experiment.resolved()["scheme"].get("classes") == []:
            self._overrides.append(f"scheme.classes={json.dumps(reached)}")
            self.experiment = load_experiment(file, overrides=self._overrides, seed=seeds[0])
        where = "" if matched is None else f"-at-{matched:g}"
        self.folder = folder or Path("runs") / f"audit-{self.experiment.name}{where}"

    def runs(self) -> dict[int, Run]:
        """Open the runs that are there, by seed; the caller closes them."""
        try:
            folders = find_runs(self.folder)
        except RunError:
            return {}
        opened = map(open_run, folders)
        mine = {run.seed: run for run in opened if run.name == self.experiment.name}
        found = {seed: mine[seed] for seed in self.seeds if seed in mine}
        for run in found.values():
            if self._fingerprint not in {None, run.info["target"]["fingerprint"]}:
                raise RunError(
                    f"{run.path}: the target is not the one that was searched (its weights, code "
                    "or temperature changed); search it anew with --overwrite, or elsewhere with "
                    "--out DIR"
                )
            if run.evaluations > self.images:
                raise RunError(
                    f"{run.path}: has scored {run.evaluations:,} images, more than the budget of "
                    f"{self.images:,}; give --images {run.evaluations}, or another folder with "
                    "--out"
                )
        return found

    def left(self) -> int:
        """Count the images that are still to be scored."""
        left = self.images * len(self.seeds)
        for run in self.runs().values():
            with closing(run):
                done = run.has_reached(None, self.images)
                left -= self.images if done else run.evaluations
        return left

    def run(self, ctx: click.Context, *, jobs: str, overwrite: bool, most: int | None) -> None:
        """Run the experiment with all seeds, up to ``most`` queries each, or go on with it."""
        arguments = ["--out", str(self.folder), "--seeds", format_seeds(self.seeds)]
        arguments += ["--jobs", jobs, "--no-report"]
        if most is not None:
            arguments += ["--set", f"target.max_queries={most}"]
        if overwrite:
            arguments.append("--overwrite")
        with redirect_stdout(sys.stderr):
            try:
                self._call(ctx, "run", arguments)
            except SystemExit as end:
                if end.code:
                    raise

    def announce(self, ctx: click.Context, missing: int, console: Output) -> None:
        """Say how many images are to be scored, and how long that takes if it can be tried."""
        text = f"{missing:,} images are to be scored"
        if len(self.seeds) > 1:
            text += f", up to {self.images:,} with each seed"
        if not self.costs and missing >= FEWEST_TRIED:
            with console.status("measuring the speed"):
                speed = self._measure_speed(ctx)
            if speed:
                seconds = max(1, missing / speed)
                text += f": about {duration(seconds)}, at {speed:,.0f} images a second"
        console.say(f"{text}. The runs go into {self.folder}")

    def _measure_speed(self, ctx: click.Context) -> float | None:
        arguments = ["--json", "--seconds", str(SECONDS_OF_TRIAL)]
        scheme = self.experiment.resolved()["scheme"]
        if "initial" in scheme and "batch" in scheme:  # All of the beginning would take too long.
            arguments += ["--set", f"scheme.initial={scheme['batch']}"]
        try:
            with redirect_stderr(io.StringIO()), redirect_stdout(io.StringIO()) as output:
                self._call(ctx, "bench", arguments)
        except (RunError, TargetError):
            return None  # The run itself will say what is wrong, if it is.
        return float(json.loads(output.getvalue())["images_per_s"])

    def _call(self, ctx: click.Context, name: str, arguments: list[str]) -> None:
        """Call a command of neatfool on the experiment, as a person would."""
        settings = [word for each in self._overrides for word in ("--set", each)]
        root = ctx.find_root()
        command = root.command.get_command(root, name)  # type: ignore[attr-defined]
        with command.make_context(name, [str(self._file), *settings, *arguments], root) as called:
            command.invoke(called)


def _best(spec: ImageSpec | None, images: int, *, learns: bool) -> dict[str, dict[str, str]]:
    """Give the best search that is known for a target: what imagenet.ini or mnist.ini say."""
    small = spec is not None and min(spec.height, spec.width) < SMALLEST_PATTERNS
    shipped = ConfigParser(interpolation=None)
    file = files("neatfool_experiments") / ("mnist.ini" if small else "imagenet.ini")
    shipped.read_string(file.read_text(encoding="utf-8"))
    encoding, scheme = dict(shipped["encoding"]), dict(shipped["scheme"])
    if not learns:  # Learning needs gradients.
        scheme = {key: value for key, value in scheme.items() if not key.startswith("learn")}
    if "initial" in scheme:
        most = max(int(scheme["batch"]), int(LARGEST_BEGINNING * images))
        scheme["initial"] = str(min(int(scheme["initial"]), most))
    return {"encoding": encoding, "scheme": scheme}
