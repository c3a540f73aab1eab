"""How sure a model is of images, gathered in rounds until the time is up."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch

from neatfool import (
    Differentiable,
    ImageSpec,
    Network,
    Run,
    Scorer,
    Target,
    TargetUnavailable,
    choose_elites,
    fit_photograph,
    fool,
)
from neatfool.models import Photograph
from neatfool.ood import simple_images

from ..confidence import ConfidenceRecord, KindScorer, find_place, read_recorded
from ..search import best_search
from .decision import PARTS

FIRST: Final = {"photographs": 60, "simple": 20, "searched": 100}
"""Images of the first round, of each kind or with each seed. The next has three times as many."""
MOST: Final = {"photographs": 1000, "simple": 100, "searched": 12_000}
"""No round has more. After that, further rounds search with other seeds."""
SEEDS: Final = 5 * PARTS
MOST_BYTES: Final = 2**28
"""So much memory for photographs of each group."""
LOOKED_AT: Final = 100
"""So many evolved images of each seed are looked at again."""


class WatchedTarget(Target):
    """A target, or a network, that tells how many images it is shown; it does not close."""

    def __init__(
        self, inner: Any, spec: ImageSpec, networks: Sequence[Network], note: Callable[[int], None]
    ) -> None:
        self.inner, self.spec, self.networks, self._note = inner, spec, networks, note
        self.batch_size = inner.batch_size if isinstance(inner, Target) else None
        if isinstance(inner, Differentiable):
            self.logits_of = inner.logits_of

    def score(self, images: Any) -> Any:
        """Score images; TargetUnavailable, by which the run pauses, tells that time is up."""
        self._note(len(images))
        return self.inner.score(images)

    def fingerprint(self) -> str:
        """Stand for the target in this process."""
        return "watched"


@dataclass
class Clock:
    """Shows how many seconds passed, and ends the work when time is up."""

    note: Callable[[str, int], None]
    """Shows what is known so far, and how many more seconds passed."""
    allowed: float
    known: str = "no answer yet"

    def __post_init__(self) -> None:
        """Start."""
        self.started, self.shown, self.deadline = time.monotonic(), 0, math.inf

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.started

    def show(self) -> None:
        """Show what is known, and the time."""
        passed = min(int(self.seconds), int(self.allowed))
        self.note(self.known, passed - self.shown)
        self.shown = passed

    def count(self, _: int = 0) -> None:
        """Show that images are scored; raise TargetUnavailable when time is up."""
        self.show()
        if self.is_up:
            raise TargetUnavailable("time is up")

    def allow_part(self, parts: int) -> None:
        """Allow what comes one of so many parts of the time that is left."""
        self.deadline = self.seconds + max(0.0, self.allowed - self.seconds) / parts

    @property
    def is_up(self) -> bool:
        """Whether the time is up."""
        return self.seconds > self.deadline


@dataclass
class Evidence:
    """Images of each kind, and how sure a model is of them."""

    scorer: Scorer
    photographs: dict[str, list[Photograph]]
    """Those of what the model is for, and perhaps others, by group, in any order."""
    clock: Clock
    folder: Path
    """Where runs go."""
    records: dict[str, ConfidenceRecord] = field(default_factory=dict)
    pixels: dict[str, torch.Tensor] = field(default_factory=dict)
    """uint8 [N, C, H, W] of each kind but evolved ones"""
    runs: list[Run] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Prepare to score."""
        self._scorer = KindScorer(self.scorer, self.spec, lambda *_: self.clock.count())

    @property
    def spec(self) -> ImageSpec:
        """What the model takes, and its classes."""
        return self.scorer.spec

    @property
    def searched(self) -> int:
        """Images that each search has tried; 0 before there is one for each part."""
        return min(e.evaluations for e in self.runs[:PARTS]) if len(self.runs) >= PARTS else 0

    def gather(self) -> Iterator[None]:
        """Score more and more images, until enough are there.

        Raises:
            TargetUnavailable: The time is up.
        """
        self._look(FIRST, 0)
        yield
        sizes, seeds = FIRST, range(PARTS)
        while seeds:
            for seed in seeds:
                self._search(seed, sizes["searched"])
                yield
            if sizes == MOST:
                seeds = range(seeds.stop, min(seeds.stop + PARTS, SEEDS))
            sizes = {name: min(3 * of, MOST[name]) for name, of in sizes.items()}
            self._look(sizes, sizes["searched"])
            yield

    def _look(self, sizes: Mapping[str, int], seed: int) -> None:
        """Score photographs and simple images, drawn with a seed, that are new in a round."""
        most = min(sizes["photographs"], MOST_BYTES // int(np.prod(self.spec.shape)))
        for group, photographs in self.photographs.items():
            there = len(self.records[group].named) if group in self.records else 0
            some = photographs[there:most]
            if some:
                images = torch.cat([fit_photograph(e.open(), self.scorer.target) for e in some])
                own = [find_place("".join(e.shows[:1]), self.spec) for e in some]
                self._add(group, group, group, images, own)
        there = len(self.pixels.get("blank", ()))
        if there < sizes["simple"]:
            for simple in simple_images(self.spec, sizes["simple"] - there, seed):
                self._add(*simple)

    def _add(
        self, kind: str, group: str, what: str, images: torch.Tensor, own: Sequence[int] = ()
    ) -> None:
        """Score images of a kind, and put them to those that are there."""
        made = self._scorer.score(kind, group, what, images, own=[*own])
        if kind in self.records:
            before = self.records[kind]
            names = ("named", "log_odds", "own", "own_log_odds")
            lists = {name: getattr(before, name) + getattr(made, name) for name in names}
            made, images = made.model_copy(update=lists), torch.cat([self.pixels[kind], images])
        self.records[kind], self.pixels[kind] = made, images

    def _search(self, seed: int, images: int) -> None:
        """Search with a seed until it has so many images, or time is up."""
        inner = self.scorer.target
        target = WatchedTarget(inner, self.spec, inner.networks, self.clock.count)
        run = search(target, images, seed + 1, self.folder / str(seed))
        self.runs[seed : seed + 1] = [run]
        if any(len(each) for each in self.runs):
            made = read_recorded(self.runs, logits=self._scorer.logits)
            self.records[made.kind] = made
        if not run.has_reached(None, images):
            self.clock.count()  # It was interrupted if not by this.
            raise KeyboardInterrupt

    def evolved(self) -> tuple[torch.Tensor, np.ndarray]:
        """Give some evolved images of each seed, uint8 [N, C, H, W], and their parts, int [N]."""
        chosen = [choose_elites(run, sample=LOOKED_AT) if len(run) else [] for run in self.runs]
        pixels = [elite.saved_pixels() for elites in chosen for elite in elites]
        parts = np.repeat(np.arange(len(chosen)) % PARTS, [len(elites) for elites in chosen])
        return torch.from_numpy(np.stack(pixels)), parts


def shuffle(photographs: Sequence[Photograph]) -> list[Photograph]:
    """Give photographs in a random order, always the same."""
    return [photographs[n] for n in np.random.default_rng(1).permutation(len(photographs))]


def search(target: WatchedTarget, images: int, seed: int, folder: Path) -> Run:
    """Search as an audit does, from a folder's run on if there is one; what happens is not said."""
    spec, given = target.spec, dict[str, Any]()
    learns = isinstance(target, Differentiable)
    best: Any = best_search(spec.shape, 2 * FIRST["searched"], learns=learns)
    for kind, options in best.items():
        given |= {kind: options.pop("plugin"), f"{kind}_options": options}
    given |= {"nothing": [*spec.nothing] or None, "resume_run": folder.exists()}
    given |= {"image": spec.shape, "classes": spec.classes, "progress": False}
    log = logging.getLogger("neatfool.fool")
    log.disabled, before = True, log.disabled
    try:
        return fool(target, images=images, seed=seed, out=folder, **given)
    finally:
        log.disabled = before
