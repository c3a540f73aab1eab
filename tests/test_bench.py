"""What is measured of a run against its target alone."""

from __future__ import annotations

import time

import pytest
from searches import toy_assembly

from neatfool import RunError
from neatfool.bench import STAGES, Measured, measure, raw_throughput
from neatfool.plugin_manager import PluginManager
from neatfool.testing import ToyTarget


def measured(*, alone, shares, rest=0.0):
    """Make up ten generations of 100 images, which took ten seconds."""
    stages = {name: 10 * shares.get(name, 0.0) for name in STAGES}
    return Measured(
        generations=10,
        images=1000,
        exact=1000,
        replacements=0,
        seconds=10.0,
        stages=stages,
        elapsed=10 * (1 - rest),
        alone_per_s=alone,
        whole_images=1000,
        whole_seconds=10.0,
    )


def test_a_ratio_is_that_of_the_run_to_the_target_alone():
    assert measured(alone=400, shares={}).ratio == 0.25


def test_rows_give_milliseconds_a_generation_and_shares():
    rows = {
        name: (ms, share)
        for name, ms, share in measured(alone=400, shares={"scoring": 0.25}, rest=0.1).rows
    }
    assert list(rows) == [*STAGES, "the rest"]
    assert rows["scoring"] == pytest.approx((250, 0.25))
    assert rows["the rest"] == pytest.approx((100, 0.1))


@pytest.mark.parametrize(
    ("alone", "shares", "rest", "limit"),
    [
        (110, {"scoring": 0.9, "breeding": 0.1}, 0.0, "the target"),
        (200, {"scoring": 0.5, "breeding": 0.3, "rendering": 0.2}, 0.0, "breeding"),
        (200, {"scoring": 0.5, "breeding": 0.1, "rendering": 0.4}, 0.0, "rendering"),
        (200, {"scoring": 0.5, "recording": 0.5}, 0.0, "recording"),
        (200, {"scoring": 0.5, "selection": 0.5}, 0.0, "selection"),
        (200, {"scoring": 0.5}, 0.5, "the rest"),
        # It needs half of the time alone, and takes nearly all of it.
        (200, {"scoring": 0.95, "breeding": 0.05}, 0.0, "scoring"),
    ],
)
def test_what_limits_a_run_is_what_costs_the_target_the_most_time(alone, shares, rest, limit):
    run = measured(alone=alone, shares=shares, rest=rest)
    assert run.limit == limit
    assert limit.split()[-1] in run.advice().lower()


def test_throughput_is_that_of_the_median_call_after_the_first():
    waits = iter([0.5, 0.01, 0.2, 0.2, 0.2, 0.2, 0.2])
    assert raw_throughput(lambda: time.sleep(next(waits)), 10) == pytest.approx(50, rel=0.3)


class SlowTarget(ToyTarget):
    """Takes 10 ms a call, and cannot be called once it is closed."""

    closed = False

    def score(self, images):
        assert not self.closed
        time.sleep(0.01)
        return super().score(images)

    def close(self):
        self.closed = True


def test_a_run_of_a_slow_target_is_limited_by_it(tmp_path):
    said = []
    target = SlowTarget()
    assembly = toy_assembly(30, target=target)
    run = measure(assembly, tmp_path / "run", plugins=PluginManager(), say=said.append)
    assert target.closed
    assert (run.generations, run.images, run.whole_images) == (29, 29 * 20, 600)
    assert 100 < run.alone_per_s < 20 / 0.01
    assert run.stages["scoring"] > 0.3
    # A generation's record is counted with the next one.
    assert run.elapsed <= run.whole_seconds
    assert run.seconds <= run.whole_seconds
    assert 0.2 < run.ratio < 1.2
    assert said == [
        "measuring the target alone",
        "running the experiment",
        "measuring the target alone",
    ]


def test_a_run_ends_when_its_time_is_up(tmp_path):
    assembly = toy_assembly(100_000, target=SlowTarget())
    run = measure(assembly, tmp_path / "run", plugins=PluginManager(), seconds=0.3)
    assert 1 <= run.generations <= 30


def test_the_first_generations_are_left_out(tmp_path):
    run = measure(toy_assembly(6), tmp_path / "run", plugins=PluginManager(), warm=4)
    assert (run.generations, run.images) == (2, 40)


def test_of_a_single_generation_nothing_is_left_out(tmp_path):
    run = measure(toy_assembly(1), tmp_path / "run", plugins=PluginManager())
    assert (run.generations, run.images) == (1, 20)


def test_a_run_without_a_generation_cannot_be_measured(tmp_path):
    assembly = toy_assembly(6)
    assembly.scheme.ask = list
    with pytest.raises(RunError, match="nothing to measure"):
        measure(assembly, tmp_path / "run", plugins=PluginManager())
