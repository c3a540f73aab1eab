"""A run that is slower than its plan promised says so once, and the next run measures again."""

import pytest
from searches import Silence, toy_assembly

from neatfool.evolution.clock import StageClock
from neatfool.evolution.session import start
from neatfool.run.statistics import Stages
from neatfool.scoring.measurements import MeasurementCache
from neatfool.scoring.plan import Plan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyTarget

GENERATIONS = 30
TARGET = "target 'toy'"


@pytest.fixture
def run(monkeypatch, tmp_path, caplog):
    """Run 20 images a generation, planned for 10 a second; give the warnings and what was kept."""
    monkeypatch.setenv("NEATFOOL_CACHE", str(tmp_path / "cache"))
    cache = MeasurementCache(["toy"])
    cache.get_or_make(lambda: {"noise": 0.0})

    def run(stages, *, parts=4):
        left = iter(stages)
        monkeypatch.setattr(StageClock, "stages", lambda *_, **__: next(left))
        plan = Plan(20, parts=parts, speeds={"fp32": 10.0}, measurement=cache.key)
        scorer = Scorer(ToyTarget(), name=TARGET, plan=plan)
        session = start(toy_assembly(GENERATIONS, scorer=scorer), tmp_path / "run")
        session.go(Silence())
        return caplog.messages, cache.get_or_make(dict) == {"noise": 0.0}

    return run


def lasting(scoring, **others):
    return [Stages(scoring=scoring, **others)] * GENERATIONS


def test_a_run_that_is_a_third_slower_is_told_once_and_measured_again(run):
    told, kept = run(lasting(3.2))
    assert told == [
        f"{TARGET}: scores 1.6 times as slowly as when it was measured. Perhaps the machine is "
        "busier now; the next run measures again how to use it"
    ]
    assert not kept


@pytest.mark.parametrize(
    ("stages", "more"),
    [
        (lasting(2.8), {}),
        ([*lasting(2.0)[:-1], Stages(scoring=9000.0)], {}),
        (lasting(3.2, rendering=1.0), {}),
        (lasting(3.2), {"parts": 1}),
        ([*lasting(3.2)[:5], *lasting(0.1)[5:]], {}),
    ],
    ids=["a little slower", "asleep for a while", "drawing meanwhile", "not divided", "too short"],
)
def test_other_runs_are_told_nothing(run, stages, more):
    assert run(stages, **more) == ([], True)
