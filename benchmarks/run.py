"""Whole runs against their targets alone.

``experiments/mnist.ini`` from its beginning to its last image file, and some seconds of MAP-Elites
against targets of ImageNet's size, EfficientNet-Lite0 where it is installed, with ``preset =
patterns``, and ResNet-18 with random weights, in the middle of a run: at its beginning nearly every
image is worth an exact look,
and screening is still learning.

Each is compared with what its target scores when it does nothing else, in the same process before
and after: in the fastest form that neatfool has for it, and, the LeNet, as it is, in float32, with
PyTorch's default memory layout and one call for a generation. Both are measured with one thread
and with all, and the better counts.

``neatfool.evolve`` with a function of about a microsecond and the search of ``mnist.ini`` takes
turns with that experiment, by the processor's time.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.experiments import assembled
from benchmarks.figures import Figure
from benchmarks.machine import multiplies_tiles
from benchmarks.midrun import fill_archive
from benchmarks.targets import EfficientNetTarget, LeNetTarget, ResNetTarget
from benchmarks.throughput import TargetTrial, measure, raw_throughput
from neatfool import evolve
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.experiment.experiment import load_experiment
from neatfool.network.devices import with_cores
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    import torch

    from benchmarks.targets import NetworkTarget
    from benchmarks.throughput import RunSpeed
    from neatfool.evolution.assembly import Assembly

    Say = Callable[[str], None]

MNIST = Path(__file__).parents[1] / "experiments" / "mnist.ini"
MNIST_ROUNDS = 2
EVOLVE_ROUNDS = 2
IMAGENET_SECONDS, IMAGENET_WARM = 7.0, 4
IMAGENET_NODES = 45
AMX = multiplies_tiles()
"""Bounds with AMX are lower."""
EARLY, LATE = 100, 5000
"""For :func:`~benchmarks.midrun.fill_archive`: some 30 replacements a generation, as a run from
scratch had after 85 generations of 96 images, and some 3. That run had 15 after 190 generations,
in inverse proportion to their number: 3 are to be expected after 1000, the length of a good run."""

IMAGENET: Mapping[str, Mapping[str, Any]] = {
    "experiment": {"generations": 100_000},
    "scheme": {"batch": 96},
}
PATTERNS: Mapping[str, Any] = {"preset": "patterns"}


def eager_throughput(target: NetworkTarget, images: torch.Tensor, threads: int) -> float:
    """Time a network as its authors made it, in so many threads."""
    return with_cores(threads, lambda: raw_throughput(lambda: target.eagerly(images), len(images)))


def tell(say: Say, name: str, measured: RunSpeed) -> None:
    """Say what was measured, and where the time went."""
    say(
        f"{name}: {measured.images_per_s:,.0f} images/s, with beginning and end "
        f"{whole_per_s(measured):,.0f}; alone {measured.alone_per_s:,.0f}"
    )
    rows = [f"{stage} {ms:.1f} ms ({share:.0%})" for stage, ms, share in measured.rows]
    count = measured.generations
    say(
        f"    a generation: {', '.join(rows)}; {measured.exact / count:.1f} confirmed, "
        f"{measured.replacements / count:.1f} replacements"
    )


def whole_per_s(measured: RunSpeed) -> float:
    """Images a second from the run's beginning to its last image file."""
    return measured.whole_images / measured.whole_seconds


def run(
    assembly: Assembly, plugins: PluginManager, *, seconds: float = float("inf"), warm: int = 1
) -> RunSpeed:
    """Measure a run in a temporary folder."""
    with tempfile.TemporaryDirectory() as folder:
        there = Path(folder) / "run"
        return measure(assembly, there, plugins=plugins, seconds=seconds, warm=warm)


def mnist(say: Say) -> list[Figure]:
    """Measure the whole of ``experiments/mnist.ini``."""
    against_eager, against_best = [], []
    plain = LeNetTarget()
    for _ in range(MNIST_ROUNDS):
        plugins = PluginManager()
        assembly = assemble(load_experiment(MNIST, plugins=plugins))
        images = TargetTrial(assembly).images
        threads = assembly.scorer.plan.workers
        before = eager_throughput(plain, images, threads)
        measured = run(assembly, plugins)
        eager = median([before, eager_throughput(plain, images, threads)])
        tell(say, f"mnist.ini, {assembly.scorer.plan.describe()}", measured)
        say(f"    fp32 eager {eager:,.0f} images/s")
        against_eager.append(whole_per_s(measured) / eager)
        against_best.append(whole_per_s(measured) / measured.alone_per_s)
    name = "run of mnist.ini: images/s"
    return [
        Figure(f"{name} / fp32 eager LeNet", median(against_eager), 0.75, "at least"),
        Figure(f"{name} / fastest scorer (aim: 0.5)", median(against_best)),
    ]


def evolving(say: Say) -> Figure:
    """Compare ``evolve``, with a function that costs next to nothing, to ``mnist.ini``."""
    spent: dict[str, list[float]] = {"evolve": [], "mnist.ini": []}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(EVOLVE_ROUNDS):
            for name, times in spent.items():
                out, began = Path(folder, f"{name}-{number}"), time.process_time()
                if name == "evolve":
                    evolve(
                        lambda images: images[:, 0, 14, :10],
                        image=(1, 28, 28),
                        niches=[*"0123456789"],
                        out=out,
                        generations=200,
                        scheme_options={"batch": 200},
                        encoding_options={"preset": "paper", "inputs": "normalised"},
                        progress=False,
                    )
                else:
                    plugins = PluginManager()
                    assembly = assemble(load_experiment(MNIST, plugins=plugins))
                    start(assembly, out).go(plugins.observers())
                times.append(time.process_time() - began)
    for name, times in spent.items():
        each = 40_000 / min(times)
        say(f"{name}: {each:,.0f} images a second of the processor")
    ratio = min(spent["mnist.ini"]) / min(spent["evolve"])
    return Figure("evolve with a function of 1 us: images/s / mnist.ini", ratio)


def imagenet(say: Say) -> list[Figure]:
    """Measure some seconds of MAP-Elites against 1000 classes of 224 x 224 pixels."""
    found = []
    try:
        target = EfficientNetTarget()
    except ImportError:
        say("EfficientNet-Lite0 is not installed: pip install 'neatfool[imagenet]'")
    else:
        found.append(middle(say, target, EARLY, PATTERNS))
        found.append(middle(say, target, LATE, PATTERNS, bound=0.5 if AMX else 0.6))
    network, bound = ResNetTarget(), 0.6 if AMX else 0.85
    return [*found, middle(say, network, LATE, {"inputs": "normalised"}, bound=bound)]


def middle(
    say: Say,
    target: NetworkTarget,
    generations: int,
    encoding: Mapping[str, Any],
    *,
    bound: float | None = None,
) -> Figure:
    """Measure some seconds of a run that so many generations went before."""
    with tempfile.TemporaryDirectory() as folder:
        assembly, plugins = assembled(
            lambda: target, Path(folder), {**IMAGENET, "encoding": encoding}
        )
    fill_archive(assembly, IMAGENET_NODES, generations=generations)
    measured = run(assembly, plugins, seconds=IMAGENET_SECONDS, warm=IMAGENET_WARM)
    tell(say, f"{target.name}, {assembly.scorer.plan.describe()}", measured)
    when = "early" if generations == EARLY else "late"
    name = f"{when} in a run against {target.name}: images/s / fastest scorer"
    return Figure(name, measured.ratio, bound, "at least")


def figures(say: Say) -> list[Figure]:
    """Measure all."""
    return [*mnist(say), evolving(say), *imagenet(say)]
