"""Bench: where a run spends its time, and how much of its target's speed it reaches.

The target is timed before and after the run, in one process and with the same threads.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import torch

from neatfool.errors import ExperimentError, RunError, TargetError
from neatfool.evolution.assembly import Assembly
from neatfool.evolution.session import start
from neatfool.network.devices import is_out_of_memory
from neatfool.network.network import in_form
from neatfool.pace import Pace
from neatfool.plugin.hookspecs import hookimpl
from neatfool.plugin.manager import PluginManager
from neatfool.run.statistics import GenerationReport
from neatfool.wording import share

STAGES: Final = ("breeding", "rendering", "scoring", "selection", "recording")
FINE: Final = 0.75
"""A run that reaches this share of its target's speed is limited by its target."""
FEWEST_CALLS, SECONDS_ALONE = 3, 0.5
"""The target is timed for this long at least: shorter trials vary by more than a tenth."""

REMEDIES: Final = {
    "breeding": "give the machine more cores, or let genomes stay small",
    "rendering": "render on a GPU or, without one and with encoding cppn, with [encoding] "
    "renderer = compiled",
    "scoring": "early in a run most images are confirmed, later few are. Check that nothing else "
    "keeps the cores busy, and that [scheme] batch is a multiple of [target] batch_size, so that "
    "no call is padded",
    "selection": "search fewer classes ([scheme] classes)",
    "recording": "write several generations at once ([experiment] checkpoint_every = 10), on a "
    "disk that is near",
    "the rest": "look at the experiment's observers, and at how fast the disk takes image files",
}
"""What to try, by what limits the run."""


@dataclass(frozen=True)
class BenchResult:
    """What was measured of a run, but for its first generations, which compile and fill caches."""

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
    ended: bool = False

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
        """For each stage and the rest: its name, milliseconds a generation, share of the time."""
        rest = max(0.0, self.seconds - self.elapsed)
        for name, seconds in {**self.stages, "the rest": rest}.items():
            yield name, 1000 * seconds / self.generations, seconds / self.seconds

    @property
    def limit(self) -> str:
        """What limits the run: ``"the target"``, or the stage that costs most, or the rest."""
        if self.ratio >= FINE:
            return "the target"
        shares = {name: part for name, _, part in self.rows}
        # A stage that overlaps with scoring does not keep the target waiting.
        waiting = max(0.0, 1 - shares["scoring"])
        costs = {name: min(part, waiting) for name, part in shares.items()}
        costs["scoring"] = shares["scoring"] - self.ratio
        return max(costs, key=lambda name: costs[name])

    def advice(self) -> str:
        """Say in a sentence or two what limits the run and what to try."""
        ended = f"The experiment ended after {self.whole_images:,} images, so this was short; "
        short = f"{ended}give it more ([experiment] images or generations). " if self.ended else ""
        if self.limit == "the target":
            reached = f"as it should be: the run reaches {share(self.ratio)} of its speed"
            more = "Only a faster target (another device or batch_size) gives more"
            return f"{short}The target is the limit, {reached}. {more}."
        (part,) = [share(part) for name, _, part in self.rows if name == self.limit]
        found = f"{self.limit.capitalize()} keeps the target waiting, with {part} of the time"
        if self.limit == "scoring":
            found = f"Scoring takes {part} of the time, longer than the target needs alone"
        return f"{short}{found}: {REMEDIES[self.limit]}."


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
        form, numpy = plan.screen if plan.screening else plan.exact, target.spec.array == "numpy"
        parts = torch.split(self.images, self._batch)
        calls = [each.cpu().numpy() if numpy else each for each in parts]

        def score_as_planned() -> None:
            batches.collect(batches.submit(self.images, screen=plan.screening is not None))

        try:
            with in_form(target.networks, form):
                best = raw_throughput(lambda: [*map(target.score, calls)], len(self.images))
            if target.networks:
                best = max(best, raw_throughput(score_as_planned, len(self.images)))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            fault = f"{self._scorer.name}: out of memory with {self._batch} images a call"
            raise TargetError(f"{fault}; give a smaller [target] batch_size") from error
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
    seconds: float | None = None,
    warm: int = 1,
    say: Callable[[str], None] = lambda _: None,
) -> BenchResult:
    """Run an experiment, and measure it after ``warm`` generations.

    With ``seconds``, for so long; they begin after the first steady second.
    """
    if assembly.scorer.metered is not None:
        raise too_costly(assembly.scorer.name)
    target = TargetTrial(assembly)

    def alone() -> float:
        say("measuring the target alone")
        return target.images_per_s()

    before, watch = alone(), _RunWatch(seconds, warm, alone, say)
    plugins.register_object(watch, "bench")
    say("running the experiment" if seconds is None else "compiling")
    outcome = start(assembly, folder).go(plugins.observers(), watch)
    if watch.after is None:
        raise RunError("bench: the run ended before its first generation was done")
    first = min(watch.first or warm, len(watch.reports) - 1)
    reports = watch.reports[first:]
    images = [0, *(report.evaluations for report in watch.reports)]
    return BenchResult(
        generations=len(reports),
        images=images[-1] - images[first],
        exact=sum(report.confirmed for report in reports),
        replacements=sum(report.replacements for report in reports),
        seconds=watch.ends[-1] - watch.ends[first],
        stages={name: sum(getattr(report.stages, name) for report in reports) for name in STAGES},
        elapsed=sum(report.stages.elapsed for report in reports),
        alone_per_s=statistics.median([before, watch.after]),
        whole_images=images[-1],
        whole_seconds=outcome.seconds,
        ended=outcome.reason == "finished" and seconds is not None,
    )


def too_costly(name: str) -> ExperimentError:
    """Make the error for a target that costs something to ask."""
    return ExperimentError(f"bench: asking {name} costs something, and bench asks a lot")


class _RunWatch:
    """Observes the run, stops it in time, and times the target again before it is closed."""

    def __init__(
        self,
        seconds: float | None,
        warm: int,
        alone: Callable[[], float],
        say: Callable[[str], None],
    ) -> None:
        self.reports: list[GenerationReport] = []
        self.ends: list[float] = []
        """When the run began, and when each generation ended."""
        self.first: int | None = None
        """After how many generations the seconds begin; None before they do."""
        self.after: float | None = None
        self._seconds, self._warm, self._alone, self._say = seconds, warm, alone, say

    def __call__(self) -> bool:
        """Whether the time is up."""
        if self._seconds is None or self.first is None:
            return False
        return time.perf_counter() - self.ends[self.first] >= self._seconds

    @hookimpl
    def neatfool_run_started(self) -> None:
        self.ends = [time.perf_counter()]
        self._pace = Pace(self.ends[0])

    @hookimpl
    def neatfool_generation_done(self, report: GenerationReport) -> None:
        self.reports.append(report)
        self.ends.append(time.perf_counter())
        self._pace.note(self.ends[-1], report.evaluations)
        steady = self._pace.speed is not None and len(self.reports) >= self._warm
        if self._seconds is not None and self.first is None and steady:
            self.first = len(self.reports)
            self._say(f"running for {self._seconds:g} s")

    @hookimpl
    def neatfool_run_finished(self) -> None:
        if self.reports:
            self.after = self._alone()
