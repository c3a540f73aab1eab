"""Bench: where the time of a run goes, against what its target does when it does nothing else.

The target is timed alone, then an experiment runs, then the target is timed again: all in one
process and with the same threads, so that the ratio holds on a machine that is busy.
"""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.errors import ExperimentError, RunError, TargetError
from neatfool.evolution.session import start
from neatfool.network.memory import is_out_of_memory
from neatfool.plugin.hookspecs import hookimpl
from neatfool.scoring.plan import networks_of
from neatfool.scoring.workers import Workers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from neatfool.evolution.assembly import Assembly
    from neatfool.plugin.manager import PluginManager
    from neatfool.run.statistics import GenerationReport, Outcome

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")
FINE: Final = 0.75
"""A run that scores at this part of its target's own speed is limited by its target."""
FEWEST_CALLS, SECONDS_ALONE = 3, 0.5

REMEDIES: Final = {
    "breeding": "give the machine more cores, or let genomes stay small",
    "rendering": "render on a GPU, or, where the encoding is cppn and there is none, with "
    "[encoding] renderer = compiled",
    "scoring": "early in a run most images are confirmed, later few are; else see that nothing "
    "else keeps the cores busy, and that [scheme] batch is a multiple of [target] batch_size, so "
    "that no call is padded",
    "selection": "search fewer classes ([scheme] classes)",
    "recording": "write several generations at once ([experiment] checkpoint_every = 10), on a "
    "disk that is near",
    "the rest": "look at the experiment's observers, and at how fast the disk takes image files",
}
"""For what limits a run, what to try."""


@dataclass(frozen=True)
class Measured:
    """A run, or its beginning, measured.

    The first generations are left out where there are others: they warm up what is compiled or
    cached, they may be of another size, and screening learns from them.

    Attributes:
        generations: How many generations were measured.
        images: How many images they scored.
        exact: How many of these the target scored exactly; it screened the others.
        replacements: Niches that changed hands.
        seconds: How long they took, by the wall clock, with what lies between them.
        stages: Seconds of each of :data:`STAGES` in them. Stages may overlap.
        elapsed: Seconds of all stages together, by the wall clock.
        alone_per_s: Images a second that the target scores alone.
        whole_images: Images of the whole run, the first generation included.
        whole_seconds: Seconds of the whole run, from its beginning to its last image file.
    """

    generations: int
    images: int
    exact: int
    replacements: int
    seconds: float
    stages: Mapping[str, float]
    elapsed: float
    alone_per_s: float
    whole_images: int
    whole_seconds: float

    @property
    def images_per_s(self) -> float:
        """Images a second of the run."""
        return self.images / self.seconds

    @property
    def ratio(self) -> float:
        """What the run reaches of the speed of its target alone."""
        return self.images_per_s / self.alone_per_s

    @property
    def rows(self) -> Iterator[tuple[str, float, float]]:
        """For each stage, and for the rest, milliseconds a generation and the share of the time."""
        rest = max(0.0, self.seconds - self.elapsed)
        for name, seconds in {**self.stages, "the rest": rest}.items():
            yield name, 1000 * seconds / self.generations, seconds / self.seconds

    @property
    def limit(self) -> str:
        """What limits the run: ``"the target"``, a stage that costs the most, or the rest."""
        if self.ratio >= FINE:
            return "the target"
        costs = {name: share for name, _, share in self.rows}
        # What is done while the target scores does not keep it waiting.
        waiting = max(0.0, 1 - costs["scoring"])
        costs = {name: min(share, waiting) for name, share in costs.items()} | {
            "scoring": costs["scoring"] - self.ratio
        }
        return max(costs, key=lambda name: costs[name])

    def advice(self) -> str:
        """Say in a sentence what limits the run and what to try."""
        if self.limit == "the target":
            return (
                "The target is the limit, as it should be: the run goes at "
                f"{100 * self.ratio:.0f} % of its speed; only a faster target (another device or "
                "batch_size) gives more."
            )
        (share,) = [100 * share for name, _, share in self.rows if name == self.limit]
        if self.limit == "scoring":
            return (
                f"Scoring takes {share:.0f} % of the time, longer than the target needs alone: "
                f"{REMEDIES['scoring']}."
            )
        return (
            f"{self.limit.capitalize()} keeps the target waiting, with {share:.0f} % of the time: "
            f"{REMEDIES[self.limit]}."
        )


class Alone:
    """A target that does nothing but score random genomes' images, unchecked.

    Its networks compute in the fastest of the forms that the run's plan has.
    """

    def __init__(self, assembly: Assembly) -> None:
        self._target = assembly.scorer.target
        self._name = assembly.scorer.name
        self._networks = networks_of(self._target)
        plan = assembly.scorer.plan
        self._form = plan.screen if plan.screening else plan.exact
        batch = plan.screening_batch if plan.screening else plan.batch_size
        cores = torch.get_num_threads()
        self._ways = {(plan.threads or cores, plan.workers), (cores, 1)}
        calls = max(1, assembly.scheme.batch // batch)
        images = assembly.encoding.render(assembly.encoding.create(range(calls * batch)))
        if not self._networks:
            images = images.cpu()
        self.images = images
        self._calls = [
            images[start : start + batch].cpu().numpy()
            if self._target.spec.array == "numpy"
            else images[start : start + batch]
            for start in range(0, len(images), batch)
        ]

    def images_per_s(self) -> float:
        """Measure it: as the run's plan uses the cores, and all for each call, the better one."""
        if not self._networks:
            return self._throughput(1, 1)
        return max(self._throughput(*way) for way in self._ways)

    def _throughput(self, threads: int, workers: int) -> float:
        if not self._networks:
            return raw_throughput(lambda: [*map(self._score, self._calls)], len(self.images))
        with Workers("neatfool-alone", self._networks, threads, workers) as crew:

            def score_all() -> None:
                calls = [partial(self._score, images) for images in self._calls]
                begun = [crew.submit(n, self._form, call) for n, call in enumerate(calls)]
                for done in begun:
                    done.result()

            return raw_throughput(score_all, len(self.images))

    def _score(self, images: Any) -> None:
        try:
            self._target.score(images)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise TargetError(
                f"{self._name}: out of memory with {len(images)} images a call; give a smaller "
                "[target] batch_size"
            ) from error


def raw_throughput(score: Callable[[], object], images: int) -> float:
    """Time calls until half a second is full, at least three, after one that is not counted.

    Args:
        score: Scores the images.
        images: How many it scores a call.

    Returns:
        Images a second, by the median call.
    """
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
    seconds: float | None = None,
    warm: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> Measured:
    """Run an experiment and measure where its time goes.

    Args:
        assembly: What the run is made of, at its beginning; it cannot be used again.
        folder: Where the run is left; nothing may be there.
        plugins: Whose observers are told of each generation: they are a part of what is measured.
        seconds: After how long to stop; at the experiment's own end, if that is earlier.
        warm: How many of the first generations to leave out, if there are more.
        say: Told what is being done.

    Raises:
        ExperimentError: Asking the target costs something.
        RunError: There was no generation to measure.
        NeatfoolError: The target, a plugin or the disk failed.
    """
    if assembly.scorer.metered is not None:
        raise ExperimentError(
            f"bench: asking {assembly.scorer.name} costs something, and bench asks a lot"
        )
    target = Alone(assembly)

    def alone() -> float:
        say("measuring the target alone")
        return target.images_per_s()

    before = alone()
    watch = _Watch(seconds, alone)
    plugins.add_observer(watch, "bench")
    say("running the experiment" if seconds is None else f"running for {seconds:g} s")
    session = start(assembly, folder)
    session.go(plugins.observers(), watch)
    return watch.measured(before, warm)


class _Watch:
    """Looks on as an observer, stops the run in time, and times the target before it is closed."""

    def __init__(self, seconds: float | None, alone: Callable[[], float]) -> None:
        self._seconds = seconds
        self._alone = alone
        self._began = time.perf_counter()
        self._reports: list[GenerationReport] = []
        self._ends: list[float] = []
        self._after: float | None = None
        self._whole = 0.0

    def __call__(self) -> bool:
        """Whether the time is up."""
        passed = time.perf_counter() - self._began
        return self._seconds is not None and passed >= self._seconds

    @hookimpl
    def neatfool_run_started(self) -> None:
        self._began = time.perf_counter()

    @hookimpl
    def neatfool_generation_done(self, report: GenerationReport) -> None:
        self._reports.append(report)
        self._ends.append(time.perf_counter())

    @hookimpl
    def neatfool_run_finished(self, outcome: Outcome) -> None:
        self._whole = outcome.seconds
        if self._reports:
            self._after = self._alone()

    def measured(self, before: float, warm: int) -> Measured:
        """Sum up, the first generations left out."""
        if self._after is None:
            raise RunError("bench: the run ended before a generation was done; nothing to measure")
        first = min(warm, len(self._reports) - 1)
        reports = self._reports[first:]
        images = [0, *(report.evaluations for report in self._reports)]
        return Measured(
            generations=len(reports),
            images=images[-1] - images[first],
            exact=sum(report.confirmed for report in reports),
            replacements=sum(report.replacements for report in reports),
            seconds=self._ends[-1] - [self._began, *self._ends][first],
            stages={
                name: sum(getattr(report.stages, name) for report in reports) for name in STAGES
            },
            elapsed=sum(report.stages.elapsed for report in reports),
            alone_per_s=statistics.median([before, self._after]),
            whole_images=images[-1],
            whole_seconds=self._whole,
        )
