"""The thread that a target lives in."""

import threading

import numpy as np
import torch

from neatfool import ImageSpec, Scores, Target
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool_plugins.serve.target import ServedTarget, TargetThread

IMAGE = torch.zeros((1, 1, 1, 1), dtype=torch.uint8)


class OneThread(Target):
    """A target that notes in which threads it is."""

    spec = ImageSpec(1, 1, 1, ("a", "b"))

    def __init__(self):
        self.threads = {threading.current_thread()}
        self.gate, self.entered = threading.Event(), threading.Event()
        self.gate.set()
        self.closed = False
        self.calls = 0

    def score(self, images):
        self.threads.add(threading.current_thread())
        self.calls += 1
        self.entered.set()
        assert self.gate.wait(10)
        return Scores(np.full((len(images), 2), 0.5))

    def close(self):
        self.threads.add(threading.current_thread())
        self.closed = True


def start():
    made = []

    def make():
        made.append(OneThread())
        scorer = Scorer(made[0], name="target 'x'", plan=ScoringPlan(1))
        return ServedTarget("x", scorer, ())

    thread = TargetThread(make)
    thread.served()
    return thread, made[0]


def test_a_target_is_made_called_and_closed_in_one_thread():
    thread, target = start()
    assert thread.submit(IMAGE).result(10).probs.tolist() == [[0.5, 0.5]]
    assert thread.stop(10)
    assert target.closed
    assert len(target.threads) == 1
    assert threading.current_thread() not in target.threads


def test_what_nobody_waits_for_any_more_is_not_scored():
    thread, target = start()
    target.gate.clear()
    first = thread.submit(IMAGE)
    assert target.entered.wait(10)
    second, third = thread.submit(IMAGE), thread.submit(IMAGE)
    assert second.cancel()
    target.gate.set()
    assert len(first.result(10).probs) == len(third.result(10).probs) == 1
    assert thread.stop(10)
    assert target.calls == 2


def test_a_target_that_is_stuck_holds_nobody_up():
    thread, target = start()
    target.gate.clear()
    thread.submit(IMAGE)
    assert target.entered.wait(10)
    assert not thread.stop(0.01)
    target.gate.set()
    assert thread.stop(10)
    assert target.closed
