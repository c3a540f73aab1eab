"""Runs in processes of their own, to be killed."""

import multiprocessing
import time
from contextlib import closing
from pathlib import Path

from searches import Silence, toy_assembly

from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.run.folder import DATABASE
from neatfool.run.store import RunStore

TOY_GENERATIONS = 60

context = multiprocessing.get_context("forkserver")
context.set_forkserver_preload(
    [
        "torch",
        "neatfool.cppn",
        "neatfool.cppn.breeding",
        "neatfool.cppn.draw.kernel",
        "neatfool.experiment.experiment",
        "neatfool.evolution.session",
        "neatfool.testing",
        "neatfool_plugins.cppn",
        "neatfool_plugins.map_elites",
        "neatfool_plugins.mnist.lenet",
        "searches",
    ]
)


def run_toy(folder: str) -> None:
    """Begin the run, or go on with it."""
    path = Path(folder)
    if (path / DATABASE).exists():
        session = resume(lambda _resolved, _plan: toy_assembly(TOY_GENERATIONS), path)
    else:
        session = start(toy_assembly(TOY_GENERATIONS), path, overwrite=True)
    session.go(Silence())


def run_experiment(folder: str) -> None:
    """Run ``experiment.ini`` beside the folder, or go on with it."""
    import torch

    from neatfool.evolution.assembly import assemble
    from neatfool.experiment.experiment import Experiment, load_experiment
    from neatfool.plugin.manager import PluginManager

    torch.set_num_threads(1)
    path, plugins = Path(folder), PluginManager()
    if (path / DATABASE).exists():
        session = resume(
            lambda resolved, plan: assemble(Experiment.from_resolved(resolved, plugins), plan), path
        )
    else:
        experiment = load_experiment(path.parent / "experiment.ini", plugins=plugins)
        session = start(assemble(experiment), path, overwrite=True)
    session.go(Silence())


def kill_after(run, folder: Path, seconds: float, generation: int = -1) -> int:
    """Kill a run some seconds after a generation was recorded; give the last that was."""
    process = context.Process(target=run, args=(str(folder),))
    process.start()
    while process.is_alive() and last_generation(folder) < generation:
        time.sleep(0.1)
    process.join(seconds)
    process.kill()
    process.join()
    return last_generation(folder)


def last_generation(folder: Path) -> int:
    """Give the last generation that was recorded, or -1."""
    try:
        with closing(RunStore.open(folder / DATABASE)) as store:
            return store.last_generation()
    except Exception:
        return -1


def run_to_the_end(run, folder: Path) -> float:
    """Run until it ends by itself; give the seconds."""
    began = time.monotonic()
    process = context.Process(target=run, args=(str(folder),))
    process.start()
    process.join()
    assert process.exitcode == 0
    return time.monotonic() - began
