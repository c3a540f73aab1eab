"""How fast a run goes, and how fast its target is alone, in one process with the same threads."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import torch

from neatfool import hookimpl
from neatfool.evolution.session import start
from neatfool.network.network import in_form

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from neatfool import GenerationReport
    from neatfool.evolution.assembly import Assembly
    from neatfool.plugin.manager import PluginManager

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")
FEWEST_CALLS, SECONDS_ALONE = 3, 0.5
"""The target is timed for this long at least: shorter trials vary by more than a tenth."""


@dataclass(frozen=True)
class RunSpeed:
    """What was measured of a run, but for its first generations, which compile and fill caches."""

    generations: int
    images: int
    exact: int
    replacements: int
    seconds: float
    stages: Mapping[str, float]
    alone_per_s: float
    whole_images: int
    whole_seconds: float

    @property
    def images_per_s(self) -> float:
        """Images a second of the run."""
        return self.images / self.seconds

    @property
    def ratio(self) -> float:
        """The share of its target's speed that the run reaches."""
        return self.images_per_s / self.alone_per_s

    @property
    def rows(self) -> Iterator[tuple[str, float, float]]:
        """For each stage its name, milliseconds a generation, share of the time."""
        for name, seconds in self.stages.items():
            yield name, 1000 * seconds / self.generations, seconds / self.seconds


class TargetTrial:
    """Times a target on the images of random genomes, in the fastest form of the run's plan."""

    def __init__(self, assembly: Assembly) -> None:
        self._scorer, plan = assembly.scorer, assembly.scorer.plan
        self._batch = plan.screening_batch if plan.screening else plan.batch_size
        calls = max(1, assembly.scheme.batch // self._batch)
        images = assembly.encoding.render(assembly.encoding.create(range(calls * self._batch)))
        self.images = images if self._scorer.target.networks else images.cpu()

    def images_per_s(self) -> float:
        """Measure two ways to use the cores, the plan's and all for each call; give the better."""
        target, plan, batches = self._scorer.target, self._scorer.plan, self._scorer.batches
        form, numpy = plan.form(screen=True), target.spec.array == "numpy"
        parts = torch.split(self.images, self._batch)
        calls = [each.cpu().numpy() if numpy else each for each in parts]

        def score_as_planned() -> None:
            batches.collect(batches.submit(self.images, screen=plan.screening is not None))

        with in_form(target.networks, form):
            best = raw_throughput(lambda: [*map(target.score, calls)], len(self.images))
        if target.networks:
            best = max(best, raw_throughput(score_as_planned, len(self.images)))
        return best


def raw_throughput(score: Callable[[], object], images: int) -> float:
    """Give images a second by the median call: half a second of calls, but at least three."""
    score()
    seconds: list[float] = []
    while len(seconds) < FEWEST_CALLS or sum(seconds) < SECONDS_ALONE:
        began = time.perf_counter()
        score()
        seconds.append(time.perf_counter() - began)
    return images / statistics.median(seconds)


def measure(
    assembly: Assembly,
    folder: Path,
    *,
    plugins: PluginManager,
    seconds: float = float("inf"),
    warm: int = 1,
) -> RunSpeed:
    """Run an experiment, for ``seconds`` after ``warm`` generations, and measure these."""
    target = TargetTrial(assembly)
    before, watch = target.images_per_s(), _RunWatch(seconds, warm, target)
    plugins.register_object(watch, "watch")
    outcome = start(assembly, folder).go(plugins.observers(), watch)
    reports = watch.reports[warm:]
    whole = watch.reports[-1].evaluations
    return RunSpeed(
        generations=len(reports),
        images=whole - watch.reports[warm - 1].evaluations,
        exact=sum(report.confirmed for report in reports),
        replacements=sum(report.replacements for report in reports),
        seconds=watch.ends[-1] - watch.ends[warm - 1],
        stages={name: sum(getattr(report.stages, name) for report in reports) for name in STAGES},
        alone_per_s=statistics.median([before, watch.after]),
        whole_images=whole,
        whole_seconds=outcome.seconds,
    )


class _RunWatch:
    """Observes the run, stops it in time, and times the target again before it is closed."""

    def __init__(self, seconds: float, warm: int, target: TargetTrial) -> None:
        self.reports: list[GenerationReport] = []
        self.ends: list[float] = []
        self.after = 0.0
        self._seconds, self._warm, self._target = seconds, warm, target

    def __call__(self) -> bool:
        """Whether the time is up."""
        warm = len(self.ends) > self._warm
        return warm and self.ends[-1] - self.ends[self._warm - 1] >= self._seconds

    @hookimpl
    def neatfool_generation_done(self, report: GenerationReport) -> None:
        self.reports.append(report)
        self.ends.append(time.perf_counter())

    @hookimpl
    def neatfool_run_finished(self) -> None:
        self.after = self._target.images_per_s()
