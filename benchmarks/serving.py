"""Serving: ``neatfool serve`` on this machine, and in process: whole runs, and what asking costs.

The target of ``experiments/mnist.ini`` is served by a process of its own. The experiment is run
from its beginning to its last image file, in turn with that target in process and with the target
``http``, which asks the service. In process, most images are only screened, in half precision; a
service scores each exactly.

Then the service is asked by the target ``http`` with as many requests at a time as it has by
default, 200 images (UINT8) in each. The same images are scored in this process before and after, in
the same batches and as exactly.

Client and server share the machine's cores, which the target in process has to itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch

from benchmarks.figures import Figure
from benchmarks.machine import multiplies_tiles
from benchmarks.throughput import raw_throughput
from neatfool import open_scorer
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.experiment.experiment import load_experiment
from neatfool.experiment.single_choice import choose
from neatfool.plugin.manager import PluginManager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Say = Callable[[str], None]

MNIST = Path(__file__).parents[1] / "experiments" / "mnist.ini"
REQUESTS, IMAGES = 8, 200
ROUNDS = 2
BOUND = 0.5
BOUND_WITH_AMX = 0.35
"""For a run, whose target in process then screens five times as fast as a service scores."""


@contextmanager
def service(experiment: Path) -> Iterator[str]:
    """Serve an experiment's target in a process of its own; give its address."""
    command = [sys.executable, "-m", "neatfool", "serve", str(experiment), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if found := re.search(r"url = (\S+)", line):
                    yield found[1]
                    break
        finally:
            process.terminate()


def figures(say: Say) -> list[Figure]:
    """Measure runs and asking, each in turn with the target in process."""
    with service(MNIST) as url:
        return [runs(say, url), asking(say, url)]


def runs(say: Say, url: str) -> Figure:
    """Measure whole runs."""
    served = [
        "target.plugin=http",
        f"target.url={url}",
        "target.model=mnist",
        "target.allow_private=true",
    ]
    return in_turn(
        say,
        "run of mnist.ini",
        in_process=run_per_s,
        over_http=lambda: run_per_s(served),
        bound=BOUND_WITH_AMX if multiplies_tiles() else BOUND,
    )


def run_per_s(overrides: Sequence[str] = ()) -> float:
    """Run the experiment; give images a second, from the beginning to the last image file."""
    plugins = PluginManager()
    assembly = assemble(load_experiment(MNIST, overrides=overrides, plugins=plugins))
    with tempfile.TemporaryDirectory() as folder:
        outcome = start(assembly, Path(folder) / "run").go(plugins.observers())
    assert outcome.reason == "finished"
    return outcome.evaluations / outcome.seconds


def asking(say: Say, url: str) -> Figure:
    """Measure requests of images that are there already."""
    generator = torch.Generator().manual_seed(1)
    shape = (REQUESTS * IMAGES, 1, 28, 28)
    images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    parts = [images[start : start + IMAGES].numpy() for start in range(0, len(images), IMAGES)]
    scorer = open_scorer(MNIST)
    options = {"url": url, "model": "mnist", "allow_private": True}
    client = choose(PluginManager(), "target", "http", options).make()
    with ThreadPoolExecutor(client.concurrency) as threads:
        figure = in_turn(
            say,
            f"asking LeNet, {IMAGES} images a request",
            in_process=lambda: raw_throughput(lambda: scorer.score(images), len(images)),
            over_http=lambda: raw_throughput(
                lambda: [*threads.map(client.score, parts)], len(images)
            ),
        )
    client.close()
    scorer.close()
    return figure


def in_turn(
    say: Say,
    name: str,
    *,
    in_process: Callable[[], float],
    over_http: Callable[[], float],
    bound: float = BOUND,
) -> Figure:
    """Measure images a second over HTTP, and in process before and after."""
    ratios = []
    before = in_process()
    for _ in range(ROUNDS):
        served, after = over_http(), in_process()
        ratios.append(served / median([before, after]))
        rates = f"{served:,.0f} images/s through HTTP, in process {before:,.0f} and {after:,.0f}"
        say(f"{name}: {rates}")
        before = after
    return Figure(f"serving, {name}: through HTTP / in process", median(ratios), bound, "at least")
