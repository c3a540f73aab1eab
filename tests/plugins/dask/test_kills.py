"""Kills of workers and of the run's own process, again and again."""

import random
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from engines import begun
from killing import context, run_to_the_end
from searches import Silence, go_on

from neatfool.run.folder import DATABASE
from neatfool.run.store import RunStore
from tests.support.databases import contents

SLOW = "target.seconds=0.004"
LENGTH = "experiment.generations=150"
WORKER_KILLS, RUN_KILLS = 20, 10


class Killer(threading.Thread):
    """Kills a worker of this process at random instants."""

    def __init__(self, draw):
        super().__init__(daemon=True)
        self.draw, self.kills = draw, 0

    def run(self):
        while self.kills < WORKER_KILLS:
            time.sleep(self.draw.uniform(0.1, 6))
            with suppress(psutil.Error):  # one that ends meanwhile
                children = psutil.Process().children(recursive=True)
                workers = [each for each in children if "spawn_main" in " ".join(each.cmdline())]
                if workers:
                    self.draw.choice(workers).kill()
                    self.kills += 1


def run_with_two_workers(folder):
    """Begin the run, or go on with it."""
    path = Path(folder)
    if (path / DATABASE).exists():
        session = go_on(path)
    else:
        session = begun(path.parent / "shades.ini", path, SLOW, LENGTH, "engine.workers=2")
    session.go(Silence())


def last_generation(folder):
    if not (folder / DATABASE).exists():
        return -1
    store = RunStore.open(folder / DATABASE)
    try:
        return store.last_generation()
    finally:
        store.close()


@pytest.mark.slow
def test_twenty_kills_of_workers_change_nothing(file, tmp_path):
    killer = Killer(random.Random(4))
    endless = SLOW, "experiment.generations=100000", "engine.workers=2"
    session = begun(file, tmp_path / "run", *endless)
    killer.start()
    outcome = session.go(Silence(), lambda: killer.kills == WORKER_KILLS)
    assert outcome.reason == "interrupted", outcome.cause
    print(f"{killer.kills} workers were killed in {outcome.generation + 1} generations")
    length = f"experiment.generations={outcome.generation + 1}"
    begun(file, tmp_path / "alone", SLOW, length).go(Silence())
    assert contents(tmp_path / "run" / DATABASE) == contents(tmp_path / "alone" / DATABASE)


@pytest.mark.slow
def test_ten_kills_of_the_runs_process_change_nothing(file, tmp_path):
    begun(file, tmp_path / "alone", SLOW, LENGTH).go(Silence())
    draw, generations = random.Random(5), [-1]
    for _ in range(RUN_KILLS):
        process = context.Process(target=run_with_two_workers, args=(str(tmp_path / "run"),))
        process.start()
        while process.is_alive() and last_generation(tmp_path / "run") == generations[-1]:
            time.sleep(0.05)
        process.join(draw.uniform(0, 1.5))
        process.kill()
        process.join()
        generations.append(last_generation(tmp_path / "run"))
    run_to_the_end(run_with_two_workers, tmp_path / "run")
    print(f"killed after generations {generations[1:]}")
    assert contents(tmp_path / "run" / DATABASE) == contents(tmp_path / "alone" / DATABASE)
