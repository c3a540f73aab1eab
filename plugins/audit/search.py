"""Runs the search of an audit, with the framework's own commands."""

from __future__ import annotations

import json
from collections.abc import Sequence
from configparser import ConfigParser
from contextlib import closing
from copy import copy
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click

from neatfool import (
    Differentiable,
    ExperimentError,
    ImageSpec,
    Run,
    RunError,
    behind,
    find_runs,
    load_experiment,
    open_run,
    open_scorer,
)
from neatfool.models import photographs_of
from neatfool.present import Output, run_command
from neatfool.wording import format_seeds

from .confidence import find_reached, match_temperature

SMALLEST_PATTERNS: Final = 64
"""From so many pixels a side on, images are drawn as in imagenet.ini, else as in mnist.ini."""
LARGEST_BEGINNING: Final = 0.5
"""The random beginning takes at most this share of the images. So audits of 2,400 and more begin
alike."""


class AuditSearch:
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
        self._file, self._given, self.seeds = file, [*overrides], tuple(seeds)
        self._at = "" if matched is None else f"-at-{matched:g}"
        if matched is not None:
            plain = [*overrides, "target.logit_temperature=1"]
            given = load_experiment(file, overrides=plain, to_search=False)
            if given.target.costs:
                name = given.target.label
                raise ExperimentError(f"{name}: is metered; a temperature is for your own network")
            with closing(open_scorer(given)) as scorer:
                temperature = match_temperature(scorer, matched, known)
            self._given.append(f"target.logit_temperature={temperature}")
        given = load_experiment(file, overrides=self._given, to_search=False)
        self.costs, self.photographs, self._fingerprint = given.target.costs, 0, None
        self._learns, self._reached = False, list[str]()
        if self.costs:
            self._spec = given.target.spec()
        else:
            with closing(open_scorer(given)) as scorer:
                self._spec, self.costs = scorer.spec, scorer.costs
                self._fingerprint = scorer.fingerprint
                self._learns = isinstance(scorer.target, Differentiable)
                if not self.costs:
                    self.photographs = len(photographs_of([behind(scorer.target)]))
                self._reached = find_reached(scorer, known)
        spec, both = self._spec, {"encoding": given.encoding, "scheme": given.scheme}
        self.classes = None if spec is None or spec.open else len(spec.classes)
        self.chosen = tuple(kind for kind, choice in both.items() if not choice.section.values)
        self._choose(images, folder)

    def longer(self, images: int) -> AuditSearch:
        """Give the same search for more images, in a folder below its own."""
        other = copy(self)
        other._choose(images, self.folder / "longer")
        return other

    def _choose(self, images: int, folder: Path | None) -> None:
        """Choose how to search for so many images with each seed."""
        self.images, self._overrides = images, [*self._given, f"experiment.images={images}"]
        best = _best(self._spec, images, learns=self._learns)
        self._overrides += [
            f"{kind}.{key}={value}" for kind in self.chosen for key, value in best[kind].items()
        ]
        how: dict[str, Any] = {"overrides": self._overrides, "seed": self.seeds[0]}
        self.experiment = load_experiment(self._file, **how)
        if self._reached and self.experiment.resolved()["scheme"].get("classes") == []:
            self._overrides.append(f"scheme.classes={json.dumps(self._reached)}")
            self.experiment = load_experiment(self._file, **how)
        self.folder = folder or Path("runs") / f"audit-{self.experiment.name}{self._at}"

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
                    "or temperature changed); delete this run, or audit elsewhere with --out DIR"
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

    def run(self, ctx: click.Context, most: int | None) -> None:
        """Run the experiment with all seeds, up to ``most`` queries each, or go on with it."""
        settings = [word for each in self._overrides for word in ("--set", each)]
        arguments = [str(self._file), *settings, "--out", str(self.folder)]
        arguments += ["--seeds", format_seeds(self.seeds), "--no-report"]
        if most is not None:
            arguments += ["--set", f"target.max_queries={most}"]
        run_command(ctx, "run", arguments)

    def announce(self, missing: int, console: Output) -> None:
        """Say how many images are to be scored; each run says how long that takes."""
        text = f"{missing:,} images are to be scored"
        if len(self.seeds) > 1:
            text += f", up to {self.images:,} with each seed"
        console.say(f"{text}. The runs go into {self.folder}")


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
