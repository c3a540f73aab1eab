"""Scoring: what the scorer takes of the time that plain float32 takes, and what it misses.

A search is run on LeNet from its beginning, and on EfficientNet-Lite0 and ResNet-18 (of random
weights) from an archive of 1000 classes as it is late in a run: early, nearly every image is worth
an exact look. In the second half the seconds that the scorer took are compared with those that the
module takes as its authors made it: eager, float32, channels first, as many threads, in batches of
16, or of the scorer's size if that is larger; in small ones it is slower. Each image is also scored
exactly, off the clock: so it is known what screening missed.
"""

from __future__ import annotations

import time
from collections import Counter
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.experiments import assembled
from benchmarks.figures import Figure
from benchmarks.midrun import fill_archive
from benchmarks.targets import EfficientNetTarget, LeNetTarget, NetworkTarget, ResNetTarget
from neatfool.evolution.session import start
from neatfool.network.devices import with_cores
from neatfool.scoring.scorer import Generation, Scorer
from neatfool.spec.scores import rank

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import torch

    from neatfool import Scores

FASTER, FASTER_WITHOUT_BF16 = 2.0, 1.3
SEARCHES: Mapping[str, tuple[type[NetworkTarget], int, int, int | None]] = {
    "LeNet": (LeNetTarget, 200, 60, None),
    "EfficientNet-Lite0": (EfficientNetTarget, 96, 10, 5000),
    "ResNet-18": (ResNetTarget, 96, 10, 5000),
}
"""Network -> its target, candidates a generation, generations, and how many went before."""
NODES = 45
EAGER_BATCH = 16
EAGER_EVERY = 2
"""Generations to one in which the plain module is timed too."""


class Watched(Scorer):
    """A scorer under observation.

    Attributes:
        seen: Images, confirmed images, niches taken, niches missed; seconds of the scorer and of
            the plain module on the same images.
    """

    def __init__(self, scorer: Scorer, generations: int) -> None:
        super().__init__(scorer.target, name=scorer.name, plan=scorer.plan)
        self.seen: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {"scorer": [], "eager": []}
        self._second_half = generations // 2
        self._generation = 0

    def generation(self, bar: np.ndarray | None = None) -> Generation:
        return _WatchedGeneration(self, bar)

    def look(self, scoring: Generation, scores: Scores, bar: np.ndarray | None) -> None:
        """Compare a generation's scores with exact ones, and the time they took."""
        self._generation += 1
        images = scoring.batches.pick([*chain.from_iterable(scoring.parts)][: len(scores.probs)])
        if bar is not None and scores.exact is not None:
            ranks = rank(self.score(images))
            niches = np.flatnonzero(ranks.max(0) > bar)
            self.seen["taken"] += len(niches)
            self.seen["missed"] += int((~scores.exact[ranks[:, niches].argmax(0)]).sum())
        if self._generation <= self._second_half:
            return
        self.seen["images"] += len(images)
        self.seen["confirmed"] += scoring.confirmed
        if self._generation % EAGER_EVERY == 0:
            self.seconds["scorer"].append(scoring.seconds)
            self.seconds["eager"].append(
                with_cores(self.plan.workers, lambda: self._eagerly(images))
            )

    def _eagerly(self, images: torch.Tensor) -> float:
        target, size = self.target, max(self.plan.batch_size, EAGER_BATCH)
        assert isinstance(target, NetworkTarget)
        began = time.perf_counter()
        for first in range(0, len(images), size):
            target.eagerly(images[first : first + size])
        return time.perf_counter() - began


class _WatchedGeneration(Generation):
    def __init__(self, scorer: Watched, bar: np.ndarray | None) -> None:
        super().__init__(scorer.batches, scorer.screening, bar)
        self._watched, self._given = scorer, bar

    def result(self) -> Scores:
        scores = super().result()
        self._watched.look(self, scores, self._given)
        return scores


def watch(make: type[NetworkTarget], batch: int, generations: int, before: int | None) -> Watched:
    """Run a search and give what was seen of its scorer."""
    with TemporaryDirectory(prefix="neatfool-scoring-") as name:
        sections: dict[str, dict[str, Any]] = {
            "experiment": {"generations": generations},
            "encoding": {"inputs": "normalised"},
            "scheme": {"batch": batch},
        }
        assembly, plugins = assembled(make, Path(name), sections)
        if before:
            fill_archive(assembly, NODES, generations=before)
        watched = Watched(assembly.scorer, generations)
        assembly.scorer = watched
        session = start(assembly, Path(name) / "run")
        session.go(plugins.observers())
        session.run.close()
    return watched


def figures(say: Callable[[str], None]) -> list[Figure]:
    found = []
    for name, search in SEARCHES.items():
        watched = watch(*search)
        plan, seen = watched.plan, watched.seen
        ratios = np.divide(watched.seconds["eager"], watched.seconds["scorer"])
        faster = float(np.median(ratios))
        bound = FASTER if plan.screening else FASTER_WITHOUT_BF16
        say(f"{name}: {plan.describe()}; batch {plan.batch_size}")
        say(
            f"  {faster:.2f} times as fast as eager float32, with "
            f"{seen['confirmed'] / seen['images']:.1%} of the images confirmed; of "
            f"{seen['taken']} niches taken while screening, {seen['missed']} missed"
        )
        found.append(Figure(f"scoring {name}: fp32 eager / scorer", faster, bound, "at least"))
        if plan.screening:
            missed = seen["missed"] / max(seen["taken"], 1)
            what = f"scoring {name}: part of elites that screening missed"
            found.append(Figure(what, missed, 0.02))
    return found
