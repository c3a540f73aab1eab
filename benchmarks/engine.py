"""What an engine's workers bring, with targets that only sleep: no core is the limit.

Workers are processes of this machine, and the run's process, with Dask's scheduler in it, is as it
would be with real ones. A worker that sleeps needs a core only to draw and to talk; so two cores
can stand for sixteen workers as long as the target takes most of the time.
"""

from __future__ import annotations

import math
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from benchmarks.figures import Figure
from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.evolution.workplace import make_setup
from neatfool.experiment.experiment import load_experiment
from neatfool.machine import usable_cores
from neatfool.plugin.manager import Observers
from neatfool.spec.engine import Part

if TYPE_CHECKING:
    from collections.abc import Callable

    from neatfool.evolution.session import Session
    from neatfool.run.run import Run
    from neatfool.run.statistics import GenerationReport

WORKERS = (1, 2, 4, 8)
GENERATIONS = {5: 400, 20: 192}
"""Milliseconds an image -> images a generation: as many parts for each worker, or nearly so."""
LEAST_SECONDS = 1.0
"""So long are the generations that count, but at least one. One that takes longer needs no other
before it: its start is a small part of it."""
IN_A_ROW = 3
LINEAR = 0.9
MOST_PER_CORE = 500
"""Images a second that a core of this machine is to draw and send, where a bound is asked for."""
OVERHEAD = 5.0
PARTS, IMAGES, ROUNDS = 100, 4, 5

TARGET = '''\
import time

import numpy as np
from pydantic import BaseModel
from neatfool import ImageSpec, Scores, Target, hookimpl

class Options(BaseModel):
    milliseconds: float

class Sleeper(Target):
    """Sleeps for each image, and then likes those whose first pixels are bright."""

    def __init__(self, options):
        self.seconds = options.milliseconds / 1000
        self.spec = ImageSpec(28, 28, 1, tuple("0123456789"), sums_to_one=False)

    def score(self, images):
        time.sleep(self.seconds * len(images))
        return Scores(images[:, 0, 0, :10] / 255 / 10)

@hookimpl
def neatfool_register_targets(register):
    register("sleeper", Sleeper, options=Options)
'''

EXPERIMENT = """\
[experiment]
name = sleeper
generations = 1
[plugins]
path = sleeper.py
[target]
plugin = sleeper
milliseconds = 5
batch_size = 4
[scheme]
batch = 400
initial = 16
"""


def figures(say: Callable[[str], None]) -> list[Figure]:
    """Measure the efficiency with each number of workers, and the overhead of a part."""
    from distributed import LocalCluster

    found = []
    with TemporaryDirectory(prefix="neatfool-engine-") as folder:
        file = Path(folder) / "sleeper.ini"
        file.write_text(EXPERIMENT)
        file.with_suffix(".py").write_text(TARGET)
        local = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0"}
        with LocalCluster(n_workers=1, threads_per_worker=1, silence_logs=50, **local) as cluster:
            address = cluster.scheduler_address
            overhead = overhead_of_a_part(file, address)
            say(f"overhead of a part of {IMAGES} images: {overhead:.2f} ms")
            found.append(Figure("engine: overhead of a part, ms", overhead, OVERHEAD))
            one: dict[int, float] = {}
            for workers in WORKERS:
                cluster.scale(workers)
                for milliseconds in GENERATIONS:
                    place = Path(folder) / f"{workers}-{milliseconds}"
                    speed = images_per_s(file, place, milliseconds, workers, address)
                    linear = workers * one.setdefault(milliseconds, speed)
                    asleep = speed * milliseconds / 1000 / workers
                    say(
                        f"{workers} workers, {milliseconds} ms an image: {speed:,.0f} images/s, "
                        f"{speed / linear:.3f} of linear; they sleep {asleep:.3f} of the time"
                    )
                    what = f"engine: {workers} workers, {milliseconds} ms an image"
                    per_core = 1000 * workers / milliseconds / usable_cores()
                    bound = LINEAR if workers > 1 and per_core <= MOST_PER_CORE else None
                    if workers > 1:
                        share = speed / linear
                        found.append(Figure(f"{what} / linear", share, bound, "at least"))
                    found.append(Figure(f"{what}: share of the time in the target", asleep))
    return found


def images_per_s(file: Path, folder: Path, milliseconds: int, workers: int, address: str) -> float:
    """Run a few generations; the first wait for all workers, and do not count.

    The second is under way when the workers have come, and they get ready in the third.
    """
    images = GENERATIONS[milliseconds]
    ideal = images * milliseconds / 1000 / workers
    count = max(1, math.ceil(LEAST_SECONDS / ideal))
    warm = 2 if ideal > LEAST_SECONDS else 3
    overrides = [
        f"target.milliseconds={milliseconds}",
        f"scheme.batch={images}",
        f"experiment.generations={warm + count}",
        f"engine.scheduler={address}",
    ]
    session = start(assemble(load_experiment(file, overrides=overrides)), folder)
    watch = _Watch(session, workers)
    session.go(watch)
    # The fastest few in a row: other programs may disturb some.
    few = min(IN_A_ROW, count)
    ends = watch.ends[warm - 1 :]
    seconds = min(last - first for first, last in zip(ends, ends[few:], strict=False))
    return images * few / seconds


class _Watch(Observers):
    """Notes when generations end, and lets the first end when all workers are there."""

    def __init__(self, session: Session, workers: int) -> None:
        super().__init__({})
        self.ends: list[float] = []
        self._session = session
        self._wanted = f"{workers} worker"

    def generation_done(self, run: Run, report: GenerationReport) -> None:
        while not self.ends and not self._session.progress_of_workers().startswith(self._wanted):
            time.sleep(0.05)
        self.ends.append(time.perf_counter())


def overhead_of_a_part(file: Path, address: str) -> float:
    """Give the milliseconds from part to part, on one worker, without those of the target."""
    assembly = assemble(load_experiment(file, overrides=[f"engine.scheduler={address}"]))
    assert assembly.experiment.engine is not None
    engine = assembly.experiment.engine.make()
    try:
        engine.start(make_setup(assembly))
        encoding = assembly.encoding
        sent = [*map(encoding.to_bytes, encoding.create(range(IMAGES)))]
        rounds = []
        for _ in range(ROUNDS):
            began = time.perf_counter()
            futures = [engine.submit(Part(sent, 4, screen=False)) for _ in range(PARTS)]
            asleep = sum(future.result().seconds for future in futures)
            rounds.append((time.perf_counter() - began - asleep) / PARTS)
        return float(1000 * median(rounds))
    finally:
        engine.close()
        assembly.scorer.close()
