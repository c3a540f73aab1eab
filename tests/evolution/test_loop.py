"""The loop, on a target that scores in a thread of its own."""

import threading

import pytest
import torch
from networks import Flat, Networked
from searches import Silence, Witness, toy_assembly

from neatfool import PluginError
from neatfool.evolution.session import start
from neatfool.run.store import RunStore
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import TOY_SPEC

BATCH = 20


class Held(Networked):
    """Counts its calls; from one of them on they are held up."""

    spec = TOY_SPEC

    def __init__(self, held_from=None):
        super().__init__(Flat(TOY_SPEC, scale=0.01))
        self.calls = 0
        self.held = threading.Event()
        self.may_go_on = threading.Event()
        self._held_from = held_from

    def score(self, images):
        self.calls += 1
        if self._held_from is not None and self.calls >= self._held_from:
            self.held.set()
            assert self.may_go_on.wait(30)
        return super().score(torch.as_tensor(images))


@pytest.fixture(autouse=True)
def _not_slow(monkeypatch):
    """Begin the next generation before this one is recorded, however busy the machine is."""
    monkeypatch.setattr("neatfool.evolution.loop.SECONDS_AHEAD", 60.0)


def assembly_of(target, generations=4, calls_a_generation=1):
    plan = ScoringPlan(BATCH // calls_a_generation, "cpu", cores=min(2, calls_a_generation))
    scorer = Scorer(target, name="target 'toy'", plan=plan)
    return toy_assembly(generations, target=target, scorer=scorer)


def session_of(folder, target, **how):
    return start(assembly_of(target, **how), folder)


def session_that_fails(folder, generation, error):
    """One whose scheme raises an error when it is asked for a generation."""
    assembly = assembly_of(Held())
    ask, left = assembly.scheme.ask, iter(range(generation))

    def fails():
        if next(left, None) is None:
            raise error
        return ask()

    assembly.scheme.ask = fails
    return start(assembly, folder)


def test_a_generation_is_committed_while_the_next_is_being_scored(tmp_path):
    target = Held(held_from=2)

    class Looks(Witness):
        def generation_done(self, run, report):
            super().generation_done(run, report)
            if not report.generation:
                assert last_generation(run.path) == 0
                assert target.held.wait(30)
                target.may_go_on.set()

    seen = Looks()
    session_of(tmp_path / "run", target).go(seen)
    assert [report.generation for report in seen.reports] == [0, 1, 2, 3]


def test_what_goes_wrong_ahead_is_told_after_the_generation_before(tmp_path):
    session, seen = session_that_fails(tmp_path / "run", 2, ValueError("no more ideas")), Witness()
    with pytest.raises(PluginError, match="no more ideas"):
        session.go(seen)
    assert [report.generation for report in seen.reports] == [0, 1]
    assert last_generation(tmp_path / "run") == 1


def test_an_interrupt_ahead_loses_no_generation(tmp_path):
    session = session_that_fails(tmp_path / "run", 1, KeyboardInterrupt())
    assert session.go(Silence()).reason == "interrupted"
    assert last_generation(tmp_path / "run") == 0


def test_what_was_begun_is_left_undone_after_a_stop(tmp_path):
    target = Held(held_from=11)

    class LetsGo(Silence):
        def run_finished(self, run, outcome):
            target.may_go_on.set()

    outcome = session_of(tmp_path / "run", target, calls_a_generation=10).go(
        LetsGo(), lambda: target.held.wait(30)
    )
    assert (outcome.reason, outcome.generation) == ("interrupted", 0)
    assert last_generation(tmp_path / "run") == 0
    assert target.calls <= 12


def last_generation(folder):
    store = RunStore.open(folder / "run.db")
    try:
        return store.last_generation()
    finally:
        store.close()
