"""Runs the search of an audit, with the framework's own commands."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from configparser import ConfigParser
from contextlib import ExitStack, closing, contextmanager
from copy import copy
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import click

from neatfool import (
    Differentiable,
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

from .card import ReportCard
from .measure import audit

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
    ) -> None:
        """Read the experiment, and choose how to search where it does not say."""
        self._file, self._given, self.seeds = file, [*overrides], tuple(seeds)
        given = load_experiment(file, overrides=self._given, to_search=False)
        self.costs, self.photographs, self._fingerprint = given.target.costs, 0, None
        self._learns = False
        if self.costs:
            self._spec = given.target.spec()
        else:
            with closing(open_scorer(given)) as scorer:
                self._spec, self.costs = scorer.spec, scorer.costs
                self._fingerprint = scorer.fingerprint
                self._learns = isinstance(scorer.target, Differentiable)
                if not self.costs:
                    self.photographs = len(photographs_of([behind(scorer.target)]))
        if self._spec is not None:
            self._spec.require_classifier(file, "neatfool audit")
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
        shape = None if self._spec is None else self._spec.shape
        best = best_search(shape, images, learns=self._learns)
        self._overrides += [
            f"{kind}.{key}={value}" for kind in self.chosen for key, value in best[kind].items()
        ]
        self.experiment = load_experiment(self._file, overrides=self._overrides, seed=self.seeds[0])
        self.folder = folder or Path("runs") / f"audit-{self.experiment.name}"

    @contextmanager
    def open_runs(self) -> Iterator[list[Run]]:
        """Open the runs that are there, in the order of their seeds, and close them at the end."""
        try:
            folders = find_runs(self.folder)
        except RunError:
            folders = []
        with ExitStack() as ending:
            opened = [ending.enter_context(closing(open_run(folder))) for folder in folders]
            mine = {run.seed: run for run in opened if run.name == self.experiment.name}
            found = [mine[seed] for seed in self.seeds if seed in mine]
            for run in found:
                self._check(run)
            yield found

    def _check(self, run: Run) -> None:
        """Check that a run is one of this search."""
        if self._fingerprint not in {None, run.info["target"]["fingerprint"]}:
            raise RunError(
                f"{run.path}: the target is not the one that was searched (its weights, code "
                "or temperature changed); delete this run, or audit elsewhere with --out DIR"
            )
        if run.evaluations > self.images:
            raise RunError(
                f"{run.path}: has scored {run.evaluations:,} images, more than the budget of "
                f"{self.images:,}; give --images {run.evaluations}, or another folder with --out"
            )

    def left(self) -> int:
        """Count the images that are still to be scored."""
        left = self.images * len(self.seeds)
        with self.open_runs() as runs:
            for run in runs:
                left -= self.images if run.has_reached(None, self.images) else run.evaluations
        return left

    def make_card(
        self, ctx: click.Context, spare: int | None, *, console: Output, **options: Any
    ) -> ReportCard:
        """Search with all seeds, or go on with it, and measure what was found.

        Args:
            ctx: Where the command ``run`` is.
            spare: How many more queries than images each run may make; None if they cost nothing.
            console: Says how many images are to be scored; each run says how long that takes.
            options: Those of :func:`.measure.audit`.
        """
        if missing := self.left():
            text = f"{missing:,} images are to be scored"
            text += f", up to {self.images:,} with each seed" * (len(self.seeds) > 1)
            console.say(f"{text}. The runs go into {self.folder}")
        settings = [word for each in self._overrides for word in ("--set", each)]
        if spare is not None:
            settings += ["--set", f"target.max_queries={self.images + spare}"]
        seeds = ["--seeds", format_seeds(self.seeds), "--no-report"]
        # Runs that are finished are kept; those of another search are refused.
        run_command(ctx, "run", [str(self._file), *settings, "--out", str(self.folder), *seeds])
        with self.open_runs() as runs:
            return audit(runs, chosen=self.chosen, keep=self.folder, console=console, **options)


def best_search(
    shape: tuple[int, int, int] | None, images: int, *, learns: bool
) -> dict[str, dict[str, str]]:
    """Give the best search that is known for [C, H, W]: what imagenet.ini or mnist.ini say."""
    small = shape is not None and min(shape[1:]) < SMALLEST_PATTERNS
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
