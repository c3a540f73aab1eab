"""Runs with an engine: targets in files for its workers, and an engine of threads."""

from pathlib import Path

from ini_text import ini
from searches import Silence

from neatfool.evolution.assembly import assemble
from neatfool.evolution.session import start
from neatfool.experiment.experiment import load_experiment
from tests.support.databases import contents

# A file `fail` beside the target makes it fail, in workers only: the run's own process is known by
# its number.
SHADES = '''\
import os
import time
from pathlib import Path

import numpy as np
from pydantic import BaseModel
from neatfool import ImageSpec, Scores, Target, hookimpl

HERE = Path(__file__).parent
GAIN = 12.0

class Options(BaseModel, extra="forbid"):
    seconds: float = 0.0
    holds: int = 1000

class Shades(Target):
    """Tells bright from dark in four ways; slow, forgetful or stubborn if it is told so."""

    def __init__(self, options):
        self.options = options
        self.spec = ImageSpec(6, 8, 1, ("dark", "bright", "left", "stripes"))

    def score(self, images):
        if len(images) > self.options.holds:
            raise MemoryError("too many images")
        time.sleep(self.options.seconds * len(images))
        self.obey()
        light = images.astype(float).mean(1) / 255 - 0.5
        whole, left = light.mean((1, 2)), light[:, :, :4].mean((1, 2))
        stripes = (light[:, :, ::2] - light[:, :, 1::2]).mean((1, 2))
        logits = GAIN * np.stack([-whole, whole, left, stripes], 1)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return Scores(weights / weights.sum(1, keepdims=True), logits)

    def obey(self):
        process = HERE / "process"
        if process.exists() and process.read_text() == str(os.getpid()):
            return
        if (HERE / "fail").exists():
            raise ValueError("no shade at all")

@hookimpl
def neatfool_register_targets(register):
    register("shades", Shades, options=Options)
'''

THREADS = '''\
from concurrent.futures import ThreadPoolExecutor

from pydantic import BaseModel
from neatfool import Engine, Workplace, hookimpl

class Options(BaseModel, extra="forbid"):
    workers: int = 2

class Threads(Engine):
    """Works in threads of the run's own process, each with a target of its own."""

    def __init__(self, options):
        self.workers, self.places = options.workers, []

    def start(self, setup):
        self.pool = ThreadPoolExecutor(self.workers)
        self.places = [Workplace(setup) for _ in range(self.workers)]
        self.sizes = []
        return f"{self.workers} threads"

    def submit(self, part):
        self.sizes.append(len(part.genomes))
        return self.pool.submit(self.do, part)

    def do(self, part):
        place = self.places.pop()
        try:
            return place.answer(part)
        finally:
            self.places.append(place)

    def progress(self):
        return f"{self.workers} threads"

    def close(self):
        if self.places:
            self.pool.shutdown()

@hookimpl
def neatfool_register_engines(register):
    register("threads", Threads, options=Options)
'''

EXPERIMENT = ini(
    experiment={"name": "shades", "generations": 8, "seed": 3},
    plugins={"path": "shades.py, threads.py"},
    target={"plugin": "shades", "batch_size": 2},
    scheme={"batch": 40},
)


def write_shades(folder: Path) -> Path:
    """Write the experiment and its plugins; give the experiment's file."""
    (folder / "shades.py").write_text(SHADES)
    (folder / "threads.py").write_text(THREADS)
    file = folder / "shades.ini"
    file.write_text(EXPERIMENT)
    return file


def begun(file: Path, folder: Path, *overrides: str):
    """Begin a run, and give its session."""
    return start(assemble(load_experiment(file, overrides=overrides)), folder)


def database(file: Path, folder: Path, *overrides: str, observers: Silence | None = None):
    """Run an experiment to its end, and give what its database must share with its equals."""
    outcome = begun(file, folder, *overrides).go(observers or Silence())
    assert outcome.reason == "finished", outcome.cause
    return contents(folder / "run.db")
