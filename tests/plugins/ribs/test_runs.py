"""Runs of the scheme ``ribs`` end in the same database, killed and resumed, screened or not."""

import random

import pytest
from ini_text import ini
from killing import kill_after, run_experiment, run_to_the_end
from searches import Witness, begin, kill_and_resume

from neatfool import Scheme
from neatfool_plugins.ribs.scheme import Ribs
from tests.support.databases import contents

RIBS = ini(
    experiment={"name": "ribs", "generations": 14},
    target={"plugin": "mnist", "batch_size": 10},
    encoding={"plugin": "cppn", "inputs": "normalised"},
    scheme={"plugin": "ribs", "emitter_count": 4, "batch_per_emitter": 10},
)
LONG_LIVED = RIBS + "restart_after = 0\n"
STOPS = (1, 6, 11)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(RIBS, id="as it is"),
        pytest.param(LONG_LIVED, id="long-lived", marks=pytest.mark.slow),
    ],
)
def test_killed_and_resumed_a_run_ends_in_the_same_database(tmp_path, text):
    expected = kill_and_resume(tmp_path, text, STOPS)
    assert max(row[1] for row in expected["replacement"]) > 6


def test_what_emitters_learn_does_not_depend_on_screening(tmp_path):
    """A candidate may beat the elite and not the best of its generation, and stay unconfirmed."""
    found = []
    for precision in ("fp32", "bf16"):
        folder = tmp_path / precision
        begin(folder, RIBS, f"target.precision={precision}").go(witness := Witness())
        assert [report.confirmed for report in witness.reports] == [40] * 14
        found.append(contents(folder / "run.db"))
    for tables in found:
        del tables["info"]  # it says which precision was asked for
    assert found[0] == found[1]
    assert Ribs.bar is Scheme.bar, "a scheme with a bar gets scores that are not exact"


@pytest.mark.slow
def test_kills_at_any_instant_lose_nothing(tmp_path):
    (tmp_path / "experiment.ini").write_text(LONG_LIVED.replace("= 14", "= 100"))
    run_to_the_end(run_experiment, tmp_path / "undisturbed")
    undisturbed = contents(tmp_path / "undisturbed" / "run.db")
    draw = random.Random(3)
    generations = []
    for number in range(4):
        folder = tmp_path / f"{number}"
        # To start takes most of a run's time; the compiled code of pyribs is a part of that.
        after, generation = draw.uniform(0, 0.2), draw.randrange(90)
        generations.append(kill_after(run_experiment, folder, after, generation))
        run_to_the_end(run_experiment, folder)
        assert contents(folder / "run.db") == undisturbed, f"killed after {generations[-1]}"
    assert len({*generations} - {-1}) > 2, "the kills did not fall all over the run"
