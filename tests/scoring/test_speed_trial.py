"""What is measured of networks, on a machine that other programs use, too."""

from types import SimpleNamespace

import pytest
from networks import Networked

from neatfool.network.network import Form
from neatfool.scoring import plan
from neatfool.scoring.plan import SpeedTrial

SECONDS = {"fp32": 0.003, "bf16": 0.001}


class Machine:
    """A machine with its own time, on which other programs take nine tenths of it, or nothing."""

    def __init__(self, monkeypatch, *, busy):
        self.now = self.computed = 0.0
        self.slower = 10 if busy else 1
        times = SimpleNamespace(
            perf_counter=lambda: self.now,
            monotonic=lambda: self.now,
            thread_time=lambda: self.computed,
        )
        monkeypatch.setattr(plan, "time", times)

    def compute(self, seconds):
        self.computed += seconds
        self.now += seconds * self.slower


@pytest.mark.parametrize("busy", [False, True])
def test_a_busy_machine_measures_what_a_quiet_one_does(monkeypatch, busy):
    machine = Machine(monkeypatch, busy=busy)

    class Timed(Networked):
        def score(self, images):
            machine.compute(len(images) * SECONDS[self.networks[0].form.precision])
            return super().score(images)

    target = Timed()
    trial = SpeedTrial(target)
    taken = trial.seconds([(Form("fp32", "eager"), 4), (Form("bf16", "eager"), 8)])
    assert taken == pytest.approx([0.003, 0.001])
