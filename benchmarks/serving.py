"""Serving: images a second through ``neatfool serve`` on this machine, and in process.

The target of ``experiments/mnist.ini`` is served by a process of its own, and asked by the target
``http`` with as many requests at a time as it has by default, 200 images (UINT8) in each. The same
images are scored in this process before and after, in the same batches and as exactly. Client and
server share the machine's cores, which the target alone has to itself.
"""

from __future__ import annotations

import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import torch

from benchmarks.figures import Figure
from neatfool.evolution.assembly import make
from neatfool.evolution.bench import raw_throughput
from neatfool.experiment.choice import choose
from neatfool.plugin.manager import PluginManager
from neatfool.serving import load_target_of, make_served

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MNIST = Path(__file__).parents[1] / "experiments" / "mnist.ini"
REQUESTS, IMAGES = 8, 200
ROUNDS = 3
BOUND = 0.5


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


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure both in turn."""
    generator = torch.Generator().manual_seed(1)
    shape = (REQUESTS * IMAGES, 1, 28, 28)
    images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
    scorer = make_served(load_target_of(MNIST)).scorer
    ratios = []
    with service(MNIST) as url:
        options = {"url": url, "model": "mnist", "allow_private": True}
        client = make(choose(PluginManager(), "target", "http", options))
        parts = [images[start : start + IMAGES].numpy() for start in range(0, len(images), IMAGES)]
        with ThreadPoolExecutor(client.concurrency) as threads:

            def in_process() -> float:
                return raw_throughput(lambda: scorer.score(images), len(images))

            def over_http() -> float:
                return raw_throughput(lambda: [*threads.map(client.score, parts)], len(images))

            before = in_process()
            for _ in range(ROUNDS):
                served, after = over_http(), in_process()
                ratios.append(served / median([before, after]))
                say(
                    f"LeNet: {served:,.0f} images/s through HTTP, in process {before:,.0f} and "
                    f"{after:,.0f}"
                )
                before = after
        client.close()
    scorer.close()
    name = f"serving LeNet, {IMAGES} images a request: through HTTP / in process"
    return [Figure(name, median(ratios), BOUND, "at least")]
