import random
import time

import pytest
from faulty_server import FaultyServer
from killing import context, run_experiment, run_to_the_end

from neatfool.fooling.open_runs import open_run
from tests.support.databases import contents

EXPERIMENT = """\
[experiment]
name = killed
images = {images}
[target]
plugin = http
url = {url}
model = patches
allow_private = true
batch_size = 4
concurrency = 3
max_queries = {queries}
[encoding]
plugin = cppn
preset = paper
[scheme]
plugin = map_elites
batch = 10
"""


def write_experiment(folder, server, images, queries):
    folder.mkdir()
    text = EXPERIMENT.format(images=images, url=server.url, queries=queries)
    (folder / "experiment.ini").write_text(text)
    return folder / "run"


def kill_after_images(folder, server, images):
    """Run until the server has got so many more images, then kill."""
    wanted = server.images + images
    process = context.Process(target=run_experiment, args=(str(folder),))
    process.start()
    while process.is_alive() and server.images < wanted:
        time.sleep(0.0005)
    process.kill()
    process.join()


def comparable(folder):
    """All that equal runs share: the address, and with it the fingerprint, is another server's."""
    tables = contents(folder / "run.db")
    return {name: rows for name, rows in tables.items() if name != "info"}


def killed_many_times(tmp_path, images, kills):
    """Kill a run again and again; give the server's count, the budget, and how it ended."""
    budget = images + kills * 12  # what three requests of four images may lose each time
    with FaultyServer() as server:
        run_to_the_end(run_experiment, write_experiment(tmp_path / "whole", server, images, budget))
        assert server.images <= images
    draw = random.Random(kills)
    with FaultyServer() as server:
        folder = write_experiment(tmp_path / "killed", server, images, budget)
        for _ in range(kills):
            kill_after_images(folder, server, draw.randint(1, 2 * images // (3 * kills)))
        assert server.images < 0.9 * images, "the kills must not come after the end"
        run_to_the_end(run_experiment, folder)
        print(f"{kills} kills: {server.images} of {budget} queries, {images} images wanted")
        assert server.images <= budget
        ledger = open_run(folder).store.requests()
        assert sum(images for _, images in ledger.values()) >= server.images
    assert comparable(folder) == comparable(tmp_path / "whole" / "run")


@pytest.mark.slow
def test_twenty_kills_overspend_nothing_and_lose_nothing(tmp_path):
    killed_many_times(tmp_path, images=600, kills=20)


@pytest.mark.slow
def test_a_tight_budget_holds_whatever_is_killed(tmp_path):
    draw = random.Random(5)
    with FaultyServer() as server:
        folder = write_experiment(tmp_path / "killed", server, 500, 60)
        for _ in range(5):
            kill_after_images(folder, server, draw.randint(1, 12))
        run_to_the_end(run_experiment, folder)
        run_to_the_end(run_experiment, folder)
        assert 40 <= server.images <= 60
