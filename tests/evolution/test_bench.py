"""What is measured of a run against its target alone."""

from __future__ import annotations

import time

import pytest
from searches import toy_assembly

from neatfool import RunError, TargetError
from neatfool.evolution.bench import STAGES, BenchResult, measure, raw_throughput
from neatfool.plugin.manager import PluginManager
from neatfool.testing import ToyEncoding, ToyTarget


def measured(*, alone, shares, rest=0.0):
    """Make up ten generations of 100 images, which took ten seconds."""
    stages = {name: 10 * shares.get(name, 0.0) for name in STAGES}
    return BenchResult(
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


class Clock:
    """Time that passes only where a test says so, and not with what else the machine does."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(time, "perf_counter", made)
    return made


def test_throughput_is_that_of_the_median_call_after_the_first(clock):
    waits = iter([0.5, 0.01, 0.2, 0.2, 0.2, 0.2, 0.2])

    def score():
        clock.now += next(waits)

    assert raw_throughput(score, 10) == pytest.approx(50)


class SlowTarget(ToyTarget):
    """Takes 10 ms a call, and cannot be called once it is closed."""

    closed = False

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def score(self, images):
        assert not self.closed
        self._clock.now += 0.01
        return super().score(images)

    def close(self):
        self.closed = True


class SlowEncoding(ToyEncoding):
    """Takes 2 ms to draw a generation."""

    def __init__(self, clock):
        super().__init__()
        self._clock = clock

    def render(self, genomes):
        self._clock.now += 0.002
        return super().render(genomes)


def test_a_run_of_a_slow_target_is_limited_by_it(tmp_path, clock):
    said = []
    target = SlowTarget(clock)
    assembly = toy_assembly(30, target=target, encoding=SlowEncoding(clock))
    run = measure(assembly, tmp_path / "run", plugins=PluginManager(), say=said.append)
    assert target.closed
    assert (run.generations, run.images, run.whole_images) == (29, 29 * 20, 600)
    assert run.alone_per_s == pytest.approx(20 / 0.01)
    assert run.stages["scoring"] == pytest.approx(29 * 0.01)
    assert run.stages["rendering"] == pytest.approx(29 * 0.002)
    assert run.seconds == pytest.approx(29 * 0.012)
    assert run.elapsed == pytest.approx(run.seconds)
    assert run.whole_seconds == pytest.approx(30 * 0.012)
    assert run.ratio == pytest.approx(0.01 / 0.012)
    assert run.limit == "the target"
    assert said == [
        "measuring the target alone",
        "running the experiment",
        "measuring the target alone",
    ]


def test_a_run_ends_when_its_time_is_up(tmp_path, clock):
    said = []
    target = SlowTarget(clock)
    target.compiling = iter([0.0] * 55 + [4.0, 7.0])  # before the run, and in it
    assembly = toy_assembly(100_000, target=target)
    plugins, where = PluginManager(), tmp_path / "run"
    run = measure(assembly, where, plugins=plugins, seconds=0.305, say=said.append)
    assert run.generations == 31, "the time begins after the first steady second"
    assert run.seconds == pytest.approx(0.31)
    assert not run.ended
    assert said[1:3] == ["compiling", "running for 0.305 s"]


def test_the_first_generations_are_left_out(tmp_path):
    run = measure(toy_assembly(6), tmp_path / "run", plugins=PluginManager(), warm=4)
    assert (run.generations, run.images) == (2, 40)


def test_of_a_single_generation_nothing_is_left_out(tmp_path):
    run = measure(toy_assembly(1), tmp_path / "run", plugins=PluginManager())
    assert (run.generations, run.images) == (1, 20)


def test_a_run_without_a_generation_cannot_be_measured(tmp_path):
    assembly = toy_assembly(6)
    assembly.scheme.ask = list
    with pytest.raises(RunError, match="ended before its first generation"):
        measure(assembly, tmp_path / "run", plugins=PluginManager())


def test_a_target_without_memory_for_its_batches_is_told(tmp_path):
    class Cramped(ToyTarget):
        def score(self, images):
            raise MemoryError("no room")

    with pytest.raises(TargetError, match=r"'toy': out of memory with 20 images .* batch_size"):
        measure(toy_assembly(6, target=Cramped()), tmp_path / "run", plugins=PluginManager())
