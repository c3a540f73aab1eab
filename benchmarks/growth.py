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
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.figures import Figure
from benchmarks.midrun import Setting, stand

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.axes import Axes

STAGES = ("breeding", "rendering", "scoring", "selection", "recording")
WARM, COUNTED = 2, 4
ALLOWANCE = 0.15
"""Of an exponent, for what is not the program's doing. The last three points lie a factor of 4 (or
10) apart, and a time that is wrong by a tenth on a busy machine moves the slope between them by
0.07 to 0.1; and what fitted into the processor's cache at the lower end no longer does at the
upper one. What grows quadratically in half of a generation's time would show as 1.5."""


@dataclass(frozen=True)
class Sweep:
    """One thing that grows, and the rest that does not."""

    name: str
    unit: str
    field: str
    values: tuple[int, ...]
    base: Setting = Setting()
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


@dataclass
class Grown:
    """What a sweep measured: seconds a generation, for each value; of each stage too."""

    sweep: Sweep
    whole: list[float] = field(default_factory=list)
    stages: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})

    def exponent(self, seconds: Sequence[float], *, last: int | None = None) -> float:
        """Fit the slope of a line through the logarithms."""
        values = self.sweep.values[-(last or 0) :]
        slope, _ = np.polyfit(np.log(values), np.log(seconds[-(last or 0) :]), 1)
        return float(slope)


def measure(setting: Setting) -> tuple[float, Mapping[str, float]]:
    """Give the median seconds of a generation, and of each of its stages."""
    gc.collect()
    walls: list[float] = []
    stages: dict[str, list[float]] = {name: [] for name in STAGES}
    with tempfile.TemporaryDirectory() as folder:
        evolution = stand(Path(folder), setting, generations=WARM + COUNTED)
        last = time.perf_counter()
        for report, _ in evolution.run():
            now = time.perf_counter()
            walls.append(now - last)
            for name, seconds in stages.items():
                seconds.append(getattr(report.stages, name))
            last = time.perf_counter()
    medians = {name: statistics.median(each[WARM:]) for name, each in stages.items()}
    return statistics.median(walls[WARM:]), medians


def grow(sweep: Sweep, say: Callable[[str], None]) -> Grown:
    """Measure a sweep."""
    grown = Grown(sweep)
    for value, setting in zip(sweep.values, sweep.settings(), strict=True):
        whole, stages = measure(setting)
        grown.whole.append(whole)
        for name, seconds in stages.items():
            grown.stages[name].append(seconds)
        parts = ", ".join(f"{name} {1000 * seconds:.1f}" for name, seconds in stages.items())
        say(f"{value:>7,} {sweep.unit}: {1000 * whole:8.1f} ms a generation ({parts})")
    for name, seconds in grown.stages.items():
        if seconds[-1] > 0.02 * grown.whole[-1]:
            say(f"    {name}: exponent {grown.exponent(seconds, last=3):.2f} at the upper end")
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
        upper = grown.exponent(grown.whole, last=3)
        found.append(Figure(f"{what}, last three points", upper, bound + ALLOWANCE))
        found.append(Figure(f"{what}, all points", grown.exponent(grown.whole), bound + ALLOWANCE))
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
    for name, seconds in grown.stages.items():
        axis.plot(values, 1000 * np.array(seconds), marker=".", linewidth=1, label=name)
    whole = 1000 * np.array(grown.whole)
    axis.plot(values, whole, color="black", marker="o", linewidth=2, label="generation")
    steep = whole[-1] * (values / values[-1]) ** sweep.exponent
    word = "quadratic" if sweep.exponent == 2 else "linear"
    axis.plot(values, steep, color="grey", linestyle="--", linewidth=1, label="bound on growth")
    axis.set(xscale="log", yscale="log", xlabel=sweep.unit, ylabel="ms a generation")
    axis.set_xticks(values, [f"{value:,}" for value in values])
    axis.minorticks_off()
    axis.set_ylim(bottom=max(0.05, min(steep.min(), whole.min()) / 30))
    axis.grid(alpha=0.3)
    exponent = grown.exponent(grown.whole, last=3)
    axis.set_title(
        f"{sweep.name}: exponent {exponent:.2f} at the upper end ({word}: {sweep.exponent:g})",
        fontsize=10,
    )
