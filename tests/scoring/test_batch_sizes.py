"""Out of memory: batches are halved, the run records it, and goes on."""

import logging
import weakref
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import EXPERIENCED, Flat, Networked, images_of
from searches import Silence, stop_after, toy_assembly

from neatfool import Network, Scores, TargetError
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.experiment.framework import CallSettings
from neatfool.network.network import Form, in_form
from neatfool.run.store import RunStore
from neatfool.scoring.plan import ScoringPlan, SpeedTrial, make_plan
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyTarget
from tests.support.databases import contents

IMAGES = images_of(40)
ON_A_GPU = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
ON_A_CPU = RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")


class Small(Flat):
    """Has memory for so many images, in single and in half precision. It is its own copy."""

    def __deepcopy__(self, _):
        return self

    def __init__(self, most, most_in_half=1000, error=ON_A_GPU):
        super().__init__()
        self.most, self.most_in_half, self.error = most, most_in_half, error
        self.calls = []
        self.held = []

    def forward(self, pixels):
        half = torch.is_autocast_enabled("cpu")
        activations = pixels * 2
        self.held.append(weakref.ref(activations))
        if len(pixels) > (self.most_in_half if half else self.most):
            raise type(self.error)(*self.error.args)
        self.calls.append(("half" if half else "exact", len(pixels)))
        # What no sum may show, so that a batch of another size gives other bits.
        return super().forward(pixels) + len(pixels) * torch.tensor([1e-3, 0, 0])


def scorer_of(module, plan):
    target = Networked(module)
    if module.most:
        target.networks[0].settle(IMAGES.shape[1:])
        module.calls.clear()
        module.held.clear()
    return Scorer(target, name="target 'x'", plan=plan)


PLAN = ScoringPlan(16, "cpu", graph="eager", cores=1)


def scored(scorer, bar=None, part=16):
    scoring = scorer.generation(bar)
    for start_ in range(0, len(IMAGES), part):
        scoring.add(IMAGES[start_ : start_ + part])
    return scoring.result()


@pytest.mark.parametrize("error", [ON_A_GPU, ON_A_CPU])
@pytest.mark.parametrize("workers", [1, 2])
def test_a_generation_is_scored_as_if_its_batches_had_been_small_from_its_beginning(error, workers):
    module = Small(5, error=error)
    scorer = scorer_of(module, replace(PLAN, cores=workers))
    scores = scored(scorer)
    expected = scored(scorer_of(Small(1000), replace(PLAN, batch_size=4)))
    assert np.array_equal(scores.probs, expected.probs)
    assert np.array_equal(scores.logits, expected.logits)
    assert scorer.batch_size == 4
    assert {size for _, size in module.calls} == {4}
    scorer.close()


def test_smaller_batches_stay_small():
    module = Small(8)
    scorer = scorer_of(module, PLAN)
    scored(scorer)
    module.calls.clear()
    scored(scorer)
    assert set(module.calls) == {("exact", 8)}
    assert next(scorer.batches.part_sizes(40)) % 8 == 0


def test_batches_of_a_screening_are_halved_by_themselves():
    plan = replace(PLAN, batch_size=8, screening="bf16", screening_batch=40)
    module = Small(8, most_in_half=20)
    scorer = scorer_of(module, plan)
    scorer.screening.restore(EXPERIENCED)
    scores = scored(scorer, np.full(3, 1.0), part=40)
    assert 0 < scores.exact.sum() < 40
    assert set(module.calls) == {("half", 20), ("exact", 8)}
    module.most, module.most_in_half = 3, 1000
    scored(scorer, np.full(3, 1.0), part=40)
    assert scorer.batches.sizes == {False: 2, True: 20}


@pytest.mark.parametrize("networked", [True, False])
def test_a_single_image_that_is_too_much_is_told(networked):
    if networked:
        scorer = scorer_of(Small(0), PLAN)
    else:
        target = ToyTarget()
        target.score = Small(0)
        scorer = Scorer(target, name="target 'x'", plan=ScoringPlan(4))
    images = IMAGES if networked else torch.zeros(4, *scorer.target.spec.shape, dtype=torch.uint8)
    with pytest.raises(TargetError, match=r"target 'x': out of memory with a single .*2\.00"):
        scorer.score(images)


def test_the_user_is_told_once(caplog):
    scorer = scorer_of(Small(3), PLAN)
    with caplog.at_level(logging.WARNING):
        scored(scorer)
        scored(scorer)
    (said,) = caplog.messages
    assert "target 'x': out of memory with 16 images a call" in said
    assert "Tried to allocate 2.00 GiB" in said


def test_nothing_holds_on_to_what_was_in_memory():
    module = Small(1000)
    scorer = scorer_of(module, PLAN)
    scored(scorer)
    module.most = 8
    freed = []

    def forget():
        freed.extend(reference() is None for reference in module.held)

    scorer.target.networks[0].forget = forget
    scored(scorer)
    assert freed
    assert all(freed)


def test_a_graph_that_memory_does_not_suffice_for_is_not_given_up():
    module = Small(8)
    network = Network(module.eval(), device="cpu")
    network.settle(IMAGES.shape[1:])
    with in_form([network], Form("fp32", "frozen")):
        with pytest.raises(torch.OutOfMemoryError):
            network(IMAGES[:16])
        network(IMAGES[:8])
        traced = len(module.calls)
        network(IMAGES[:8])
        assert len(module.calls) == traced, "the graph computes, and not the module's Python"
        network.forget()
        network(IMAGES[:8])
        assert len(module.calls) > traced


def test_what_cannot_be_measured_for_want_of_memory_is_left_to_the_run(monkeypatch):
    monkeypatch.setattr(Network, "half", "bf16")
    target = Networked(Small(4, most_in_half=4))
    plan = make_plan(target, CallSettings(), generation_size=40, can_screen=True)
    assert plan.screening is None
    assert Scorer(target, name="x", plan=plan).score(IMAGES).ok.all()


def test_a_form_is_not_refused_for_want_of_memory():
    trial = SpeedTrial(Networked(Small(4, most_in_half=4)))
    assert trial.computes(Form("bf16", "eager"), 16)


# --- in a run


class Failing(ToyTarget):
    """Out of memory with more than so many images from a call on; scores depend on the batch."""

    def __init__(self, most, from_call=0):
        super().__init__()
        self.most, self.from_call = most, from_call
        self.calls = 0
        self.sizes = []

    def score(self, images):
        self.calls += 1
        if self.calls > self.from_call and len(images) > self.most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        self.sizes.append(len(images))
        scores = super().score(images)
        logits = scores.logits + len(images) * 1e-9 * np.arange(5)
        return Scores(scores.probs, logits)


def run_in(folder, target, **how):
    start(toy_assembly(target=target, **how), folder).go(Silence())
    return contents(folder / "run.db")


def state_of(folder):
    store = RunStore.open(folder / "run.db")
    state = store.state()
    store.close()
    return state


def test_a_run_records_from_which_generation_on_its_batches_are_smaller(tmp_path):
    target = Failing(6, from_call=3)
    run_in(tmp_path / "run", target)
    assert state_of(tmp_path / "run")["halvings"] == [[3, 5, 0]]
    assert target.sizes == [20] * 3 + [5] * 12


@pytest.mark.parametrize("generations", [3, 4, 5])
def test_a_run_that_is_resumed_where_there_is_more_memory_keeps_its_small_batches(
    tmp_path, generations
):
    undisturbed = run_in(tmp_path / "undisturbed", Failing(6, from_call=2))
    folder = tmp_path / "stopped"
    target = Failing(6, from_call=2)
    stopped = toy_assembly(target=target)
    start(stopped, folder).go(Silence(), stop_after(generations))
    larger = Failing(1000)
    resume(lambda *_: toy_assembly(target=larger), folder).go(Silence())
    assert set(larger.sizes) == {5}
    assert contents(folder / "run.db") == undisturbed


def test_memory_that_runs_out_twice_is_recorded_twice(tmp_path):
    class Shrinking(Failing):
        def score(self, images):
            self.most = 10 if self.calls < 8 else 4
            return super().score(images)

    run_in(tmp_path / "run", Shrinking(10))
    halvings = state_of(tmp_path / "run")["halvings"]
    assert [sizes for _, *sizes in halvings] == [[10, 0], [2, 0]]
    assert [generation for generation, *_ in halvings] == [0, 3]
