"""A plan is measured on a machine that other programs may use, too."""

import json
import os
import time
from types import SimpleNamespace

import pytest
from networks import Networked

from neatfool import Network
from neatfool.experiment.framework import Calls
from neatfool.scoring import speed_trial
from neatfool.scoring.plan import make_plan

SPEEDS = {"fp32": 1000.0, "bf16": 3000.0}


class Machine:
    """A machine of one core with its own time, on which calls take three times as long at first."""

    def __init__(self, busy):
        self.now = self.computed = 0.0
        self.busy = busy

    def compute(self, seconds):
        self.computed += seconds
        self.now += seconds * (3 if self.now < self.busy else 1)


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """Make a plan on such a machine, with the kept measurements."""
    monkeypatch.setenv("NEATFOOL_CACHE", str(tmp_path))
    monkeypatch.setattr(Network, "half", "bf16")

    def plan(*, busy, **calls):
        machine = Machine(busy)
        times = SimpleNamespace(
            perf_counter=lambda: machine.now, thread_time=lambda: machine.computed
        )
        monkeypatch.setattr(speed_trial, "time", times)

        class Timed(Networked):
            def score(self, images):
                machine.compute(len(images) / SPEEDS[self.networks[0].form.precision])
                return super().score(images)

        made = make_plan(
            Timed(),
            Calls(threads=1, **calls),
            name="target 'x'",
            fingerprint="x",
            generation_size=200,
            can_screen=True,
        )
        return made, machine.now > 0.5

    return plan


def test_what_disturbs_the_machine_for_a_moment_does_not_change_the_plan(measured, tmp_path):
    quiet, _ = measured(busy=0)
    (kept,) = tmp_path.rglob("*.json")
    kept.unlink()
    # The first ways are timed while the machine is busy, and the last ones when it is not.
    disturbed, _ = measured(busy=0.6)
    assert disturbed.screening == quiet.screening == "bf16"
    assert disturbed.worth == quiet.worth
    assert disturbed.speeds == quiet.speeds == pytest.approx(SPEEDS)


@pytest.mark.parametrize("busy", [0.3, 1e9])
def test_a_measurement_on_a_busy_machine_serves_ten_minutes(measured, busy, tmp_path):
    # If it is busy all the time, all rounds agree; but the calls wait for the core.
    disturbed, _ = measured(busy=busy)
    assert disturbed.noise > 0.15
    assert "the machine was busy, so later runs measure again)" in disturbed.describe()
    assert measured(busy=0) == (disturbed, False)
    (kept,) = tmp_path.rglob("*.json")
    os.utime(kept, (time.time() - 601,) * 2)
    again, anew = measured(busy=0)
    assert anew
    assert again.noise < 0.01
    assert again.speeds == pytest.approx(SPEEDS)
    assert "busy" not in again.describe()
    assert measured(busy=1e9) == (again, False)


def test_a_measurement_of_an_older_version_is_made_again(measured, tmp_path):
    made, _ = measured(busy=0)
    (kept,) = tmp_path.rglob("*.json")
    old = json.loads(kept.read_text()) | {"speeds": {"fp32": 1.0}, "noise": None}
    kept.write_text(json.dumps({key: value for key, value in old.items() if key != "noise"}))
    again, anew = measured(busy=0)
    assert anew
    assert again == made
