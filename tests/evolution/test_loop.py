"""The loop, on a target that scores in a thread of its own."""

import threading

import pytest
import torch
from searches import Silence, toy_assembly
from torch import nn

from neatfool import Network, PluginError
from neatfool.evolution.session import start
from neatfool.run.store import RunStore, contents
from neatfool.scoring.batches import Batches
from neatfool.scoring.plan import Plan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import TOY_SPEC

BATCH = 20
CLASSES = len(TOY_SPEC.classes)


class Flat(nn.Module):
    def __init__(self):
        super().__init__()
        draw = torch.Generator().manual_seed(0)
        self.weights = nn.Parameter(
            torch.randn(TOY_SPEC.height * TOY_SPEC.width, CLASSES, generator=draw)
        )

    def forward(self, pixels):
        return (pixels.flatten(1) / 255 - 0.5) @ self.weights


class Networked:
    """A target of one network, that counts its calls; from one of them on they are held up."""

    def __init__(self, held_from=None):
        self.spec = TOY_SPEC
        self.networks = [Network(Flat().eval(), device="cpu")]
        self.calls = 0
        self.held = threading.Event()
        self.may_go_on = threading.Event()
        self._held_from = held_from

    def score(self, images):
        self.calls += 1
        if self._held_from is not None and self.calls >= self._held_from:
            self.held.set()
            assert self.may_go_on.wait(30)
        return self.networks[0].score(torch.as_tensor(images))


def session_of(folder, target, generations=4, calls_a_generation=1):
    plan = Plan(BATCH // calls_a_generation, "cpu", threads=1, workers=min(2, calls_a_generation))
    scorer = Scorer(target, name="target 'toy'", plan=plan)
    return start(toy_assembly(generations, target=target, scorer=scorer), folder)


def session_that_fails(folder, generation, error):
    """One whose scheme raises an error when it is asked for a generation."""
    session = session_of(folder, Networked())
    scheme = session._evolution.scheme
    ask = scheme.ask

    def fails():
        if scheme._generation == generation:
            raise error
        return ask()

    scheme.ask = fails
    return session


def test_a_generation_is_committed_while_the_next_is_being_scored(tmp_path):
    target = Networked(held_from=2)
    session = session_of(tmp_path / "run", target)
    run = session._evolution.run()
    report, _ = next(run)
    assert report.generation == session._store.last_generation() == 0
    assert target.held.wait(30)
    target.may_go_on.set()
    assert [report.generation for report, _ in run] == [1, 2, 3]
    session._close()


def test_one_generation_ahead_gives_what_one_after_the_other_gives(tmp_path, monkeypatch):
    databases = []
    for ahead in (True, False):
        monkeypatch.setattr(Batches, "in_threads", ahead)
        session_of(tmp_path / f"run-{ahead}", Networked()).go(Silence())
        databases.append(contents(tmp_path / f"run-{ahead}" / "run.db"))
    assert databases[0] == databases[1]


def test_what_goes_wrong_ahead_is_told_after_the_generation_before(tmp_path):
    session = session_that_fails(tmp_path / "run", 2, ValueError("no more ideas"))
    seen = []
    run = session._evolution.run()

    def to_the_end():
        seen.extend(report.generation for report, _ in run)

    with pytest.raises(PluginError, match="no more ideas"):
        to_the_end()
    assert seen == [0, 1]
    assert session._store.last_generation() == 1
    session._close()


def test_an_interrupt_ahead_loses_no_generation(tmp_path):
    session = session_that_fails(tmp_path / "run", 1, KeyboardInterrupt())
    assert session.go(Silence()).reason == "interrupted"
    assert last_generation(tmp_path / "run") == 0


def test_what_was_begun_is_left_undone_after_a_stop(tmp_path):
    target = Networked(held_from=11)

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
