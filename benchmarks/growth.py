"""How the time of a generation grows, with what.

Whole generations of runs that stand in the middle (:mod:`benchmarks.midrun`), with the real
encoding, scheme and database, in which one thing grows at a time: the population, the nodes of a
genome, the classes, the side of an image. The target costs next to nothing, so that nothing
hides behind it. Medians of a few generations, after some that are not counted.

An exponent is the slope in a diagram of both logarithms. Where little is to do, a generation has
its fixed costs, which would make the slope of the whole line smaller than it will be, so the one
that has a bound is that of the upper end: of the last three points.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.midrun import Setting, midrun
from neatfool.machine import collected_rarely

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    Seconds = Mapping[str, float]

STAGES = ("breeding", "rendering", "scoring", "selection", "recording")
WHOLE = "whole"
WARM, COUNTED = 2, 7
ALLOWANCE = 0.15
"""Of an exponent, for what is not the program's doing. The last three points lie a factor of 4 (or
10) apart, and a time that is wrong by a tenth on a busy machine moves the slope between them by
0.07 to 0.1; and what fitted into the processor's cache at the lower end no longer does at the
upper one. What grows quadratically in half of a generation's time would show as 1.5."""

DEFAULT = Setting()


@dataclass(frozen=True)
class Sweep:
    """One thing that grows, and the rest that does not."""

    name: str
    unit: str
    field: str
    values: tuple[int, ...]
    base: Setting = DEFAULT
    exponent: float = 1.0

    def settings(self) -> list[Setting]:
        return [replace(self.base, **{self.field: value}) for value in self.values]


SWEEPS = (
    Sweep("population", "candidates a generation", "population", (100, 200, 400, 800, 1600, 3200)),
    Sweep("nodes", "nodes a genome", "nodes", (5, 10, 20, 50, 100)),
    Sweep("classes", "classes", "classes", (10, 100, 1000, 10_000, 100_000)),
    Sweep(
        "side",
        "pixels a side",
        "side",
        (28, 56, 112, 224, 512),
        base=Setting(population=50),
        exponent=2.0,
    ),
)


@dataclass(frozen=True)
class Grown:
    """What a sweep measured, for each of its values."""

    sweep: Sweep
    seconds: Sequence[Seconds]

    def of(self, name: str) -> np.ndarray:
        """Give the seconds of a stage, or of the whole generation."""
        return np.array([seconds[name] for seconds in self.seconds])

    def exponent(self, name: str = WHOLE, *, last: int = 0) -> float:
        """Fit the slope of a line through the logarithms, of all points or the last ones."""
        slope, _ = np.polyfit(np.log(self.sweep.values[-last:]), np.log(self.of(name)[-last:]), 1)
        return float(slope)


def measure(settings: Sequence[Setting]) -> list[Seconds]:
    """Give for each setting the median seconds of a generation, and of its stages.

    The runs take turns, generation by generation, so that whatever else the machine does slows
    all of them.
    """
    gc.collect()
    took: list[dict[str, list[float]]] = [defaultdict(list) for _ in settings]
    with ExitStack() as opened, collected_rarely():  # as a session does
        runs = [
            opened.enter_context(midrun(setting, generations=WARM + COUNTED))
            for setting in settings
        ]
        for _ in range(WARM + COUNTED):
            for seconds, run in zip(took, runs, strict=True):
                began = time.perf_counter()
                report = next(run)
                seconds[WHOLE].append(time.perf_counter() - began)
                for name in STAGES:
                    seconds[name].append(getattr(report.stages, name))
    return [
        {name: statistics.median(each[WARM:]) for name, each in seconds.items()} for seconds in took
    ]


def grow(sweep: Sweep, say: Callable[[str], None]) -> Grown:
    """Measure a sweep."""
    grown = Grown(sweep, measure(sweep.settings()))
    for value, seconds in zip(sweep.values, grown.seconds, strict=True):
        parts = ", ".join(f"{name} {1000 * seconds[name]:.1f}" for name in STAGES)
        whole = 1000 * seconds[WHOLE]
        say(f"{value:>7,} {sweep.unit}: {whole:8.1f} ms a generation ({parts})")
    for name in STAGES:
        if grown.seconds[-1][name] > 0.02 * grown.seconds[-1][WHOLE]:
            say(f"    {name}: exponent {grown.exponent(name, last=3):.2f} at the upper end")
    return grown


def figures(say: Callable[[str], None], plots: Path | None = None) -> list[Figure]:
    """Measure everything; draw it into ``plots`` if that is given."""
    results = [grow(sweep, say) for sweep in SWEEPS]
    if plots is not None:
        say(f"drawn: {draw(results, plots)}")
    found = []
    for grown in results:
        bound = grown.sweep.exponent
        what = f"growth with {grown.sweep.name}: exponent"
        upper = grown.exponent(last=3)
        found.append(Figure(f"{what}, last three points", upper, bound + ALLOWANCE))
        found.append(Figure(f"{what}, all points", grown.exponent(), bound + ALLOWANCE))
    return found


def draw(results: Sequence[Grown], folder: Path) -> Path:
    """Draw a panel for each sweep."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
    for axis, grown in zip(axes.flat, results, strict=True):
        _panel(axis, grown)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "growth.png"
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def _panel(axis: Axes, grown: Grown) -> None:
    sweep, values = grown.sweep, np.array(grown.sweep.values)
    for name in STAGES:
        axis.plot(values, 1000 * grown.of(name), marker=".", linewidth=1, label=name)
    whole = 1000 * grown.of(WHOLE)
    axis.plot(values, whole, color="black", marker="o", linewidth=2, label="generation")
    steep = whole[-1] * (values / values[-1]) ** sweep.exponent
    word = "quadratic" if sweep.exponent == 2 else "linear"
    axis.plot(values, steep, color="grey", linestyle="--", linewidth=1, label="bound on growth")
    axis.set(xscale="log", yscale="log", xlabel=sweep.unit, ylabel="ms a generation")
    axis.set_xticks(values, [f"{value:,}" for value in values])
    axis.minorticks_off()
    axis.set_ylim(bottom=max(0.05, min(steep.min(), whole.min()) / 30))
    axis.grid(alpha=0.3)
    exponent = grown.exponent(last=3)
    axis.set_title(
        f"{sweep.name}: exponent {exponent:.2f} at the upper end ({word}: {sweep.exponent:g})",
        fontsize=10,
    )
