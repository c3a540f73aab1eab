import random

import pytest
from killing import kill_after, run_experiment, run_to_the_end, run_toy

from tests.support.databases import contents

EXPERIMENT = """\
[experiment]
name = killed
generations = 100
[target]
plugin = mnist
[scheme]
batch = 50
"""


def trial(run, folder, undisturbed, seconds, draw):
    """Kill a run at a random instant, resume it, and compare."""
    generation = kill_after(run, folder, draw.uniform(0.05, seconds))
    run_to_the_end(run, folder)
    assert contents(folder / "run.db") == undisturbed, f"killed after generation {generation}"
    return generation


def test_a_run_killed_at_random_and_resumed_ends_in_the_same_database(tmp_path):
    run_to_the_end(run_toy, tmp_path / "first")
    seconds = run_to_the_end(run_toy, tmp_path / "undisturbed")
    undisturbed = contents(tmp_path / "undisturbed" / "run.db")
    draw = random.Random(0)
    generations = [trial(run_toy, tmp_path / f"{n}", undisturbed, seconds, draw) for n in range(6)]
    assert len(set(generations)) > 1, "all were killed at the same generation"


def test_a_run_killed_again_and_again_ends_in_the_same_database(tmp_path):
    seconds = run_to_the_end(run_toy, tmp_path / "undisturbed")
    draw = random.Random(1)
    for _ in range(6):
        kill_after(run_toy, tmp_path / "killed", draw.uniform(0, seconds / 3))
    run_to_the_end(run_toy, tmp_path / "killed")
    assert contents(tmp_path / "killed" / "run.db") == contents(tmp_path / "undisturbed" / "run.db")


@pytest.mark.slow
def test_fifty_kills_of_a_real_run_lose_nothing(tmp_path):
    (tmp_path / "experiment.ini").write_text(EXPERIMENT)
    first = run_to_the_end(run_experiment, tmp_path / "first")
    seconds = min(first, run_to_the_end(run_experiment, tmp_path / "undisturbed"))
    undisturbed = contents(tmp_path / "undisturbed" / "run.db")
    draw = random.Random(2)
    generations = [
        trial(run_experiment, tmp_path / f"{n}", undisturbed, seconds, draw) for n in range(50)
    ]
    print(f"killed after generations {sorted(generations)}: 50 of 50 equal")
    assert len(set(generations)) > 10, "the kills did not fall all over the run"
