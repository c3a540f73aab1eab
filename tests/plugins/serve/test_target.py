"""What an experiment's target is when it is served."""

import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from commands import write_experiment, write_target

from neatfool import ExperimentError, ImageSpec, Scores, Target, load_experiment
from neatfool.evolution.assembly import assemble
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer
from neatfool_plugins.serve.target import ServedTarget, TargetThread, make_served_target

MNIST = Path(__file__).parents[3] / "experiments" / "mnist.ini"


@pytest.fixture(scope="module")
def mnist():
    return make_served_target(load_experiment(MNIST))


def test_its_scores_are_those_of_a_run_to_the_bit(mnist):
    images = torch.randint(256, (70, 1, 28, 28), dtype=torch.uint8)
    assembly = assemble(load_experiment(MNIST))
    expected = assembly.scorer.score(images)
    assert mnist.scorer.batch_size == assembly.scorer.batch_size
    assert mnist.scorer.fingerprint == assembly.scorer.fingerprint
    for cuts in ([], [1, 2, 33], [25, 50], [69]):
        parts = [mnist.scorer.score(part) for part in images.tensor_split(cuts)]
        for output in mnist.outputs:
            together = np.concatenate([output.of(part) for part in parts])
            assert together.tobytes() == output.of(expected).tobytes(), cuts


def test_the_target_s_section_suffices(tmp_path):
    file = write_target(tmp_path, name="only")
    served = make_served_target(load_experiment(file, to_search=False))
    assert served.name == "only"
    assert [output.name for output in served.outputs] == ["probabilities", "logits"]
    assert {output.datatype for output in served.outputs} == {"FP64"}


def test_a_target_that_costs_something_is_not_served(tmp_path):
    file = write_experiment(tmp_path)
    plugin = tmp_path / "patches.py"
    plugin.write_text(
        plugin.read_text().replace("def score(", "def meter(self, ledger): ...\n\n    def score(")
    )
    with pytest.raises(ExperimentError, match="costs something to ask"):
        make_served_target(load_experiment(file))


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
