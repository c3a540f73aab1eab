"""Several devices: each has a replica of the network, and threads that call it."""

from __future__ import annotations

import threading
from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import EXPERIENCED, Flat, Networked, images_of

from neatfool import Network, Scores, TargetError
from neatfool.network.devices import SharedContext
from neatfool.network.network import PLAIN, Form, in_form
from neatfool.scoring.batches import LocalBatches
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.scorer import Scorer

IMAGES = images_of(60)
TWO = "cpu, cpu"
PLAN = ScoringPlan(5, "cpu", 4, "eager", cores=1)


class Noting(Flat):
    """Notes what it is given in a list that its replicas share."""

    calls: list[tuple[Noting, int]] = []  # noqa: RUF012

    def forward(self, pixels):
        self.calls.append((self, len(pixels)))
        return super().forward(pixels)


@pytest.fixture(autouse=True)
def calls():
    Noting.calls.clear()
    return Noting.calls


def replicas(network):
    """Give the replicas of a network on two devices."""
    network.settle(IMAGES.shape[1:])
    Noting.calls.clear()
    for place in (0, 1):
        with in_form([network], PLAIN, place):
            network(IMAGES[:1])
    found = [module for module, _ in Noting.calls]
    Noting.calls.clear()
    return found


def scored(device, plan=PLAN, bar=None):
    target = Networked(Noting(), device=device)
    target.networks[0].settle(IMAGES.shape[1:])
    Noting.calls.clear()
    scorer = Scorer(target, name="x", plan=plan)
    if scorer.screening is not None:
        scorer.screening.restore(EXPERIENCED)
    scoring = scorer.generation(bar)
    for start in range(0, len(IMAGES), 15):
        scoring.add(IMAGES[start : start + 15])
    scores = scoring.result()
    scorer.close()
    return scores


def test_each_device_has_a_replica_with_the_same_weights():
    network = Network(Noting().eval(), device=TWO)
    one, other = replicas(network)
    assert one is network.module
    assert one is not other
    assert torch.equal(one.weights, other.weights)
    assert one.weights.data_ptr() != other.weights.data_ptr()


def test_a_replica_lies_on_its_device():
    network = Network(Noting().eval(), device="meta, meta:0")
    # Nothing can be computed there, which would show where the weights are.
    assert [each.module.weights.device.type for each in network._replicas] == ["meta", "meta"]
    for place, device in enumerate(("meta", "meta:0")):
        with in_form([network], PLAIN, place):
            assert network.device == torch.device(device)


def test_all_devices_share_the_work_evenly(calls):
    scored(TWO)
    modules = [module for module, _ in calls]
    assert {modules.count(module) for module in modules} == {6}
    assert {size for _, size in calls} == {5}


@pytest.mark.parametrize("workers", [1, 2])
def test_several_devices_give_the_scores_of_one(workers):
    one, two = scored("cpu"), scored(TWO, replace(PLAN, cores=workers))
    assert np.array_equal(one.probs, two.probs)
    assert np.array_equal(one.logits, two.logits)


def test_several_devices_screen_and_confirm_what_one_does():
    plan = replace(PLAN, screening="bf16", screening_batch=8)
    one, two = (scored(device, plan, np.full(3, 1.0)) for device in ("cpu", TWO))
    assert 0 < one.exact.sum() < len(IMAGES)
    for name in ("probs", "logits", "ok", "exact"):
        assert np.array_equal(getattr(one, name), getattr(two, name))


def test_a_device_is_given_the_same_calls_each_time():
    def who():
        target = Networked(Noting(), device="meta, meta:0")
        target.score = lambda _: Scores(np.eye(3)[[int(target.networks[0].device.index == 0)]])
        batches = LocalBatches(target, "x", ScoringPlan(1, "cpu", cores=2))
        scores, _ = batches.collect(batches.submit(IMAGES[:5]))
        batches.close()
        return scores.probs.argmax(1).tolist()

    assert who() == who() == [0, 1, 0, 1, 0]


def test_devices_compute_at_the_same_time():
    both = threading.Barrier(2, timeout=30)

    class Meets(Networked):
        def score(self, images):
            both.wait()
            return super().score(images)

    scorer = Scorer(Meets(Noting(), device=TWO), name="x", plan=PLAN)
    assert scorer.score(IMAGES[:20]).ok.all()
    assert scorer.batches.workers == 2


def test_an_ensemble_computes_on_one_device_in_each_call(calls):
    target = Networked(Noting(), Noting(), device=TWO)
    both = [{*pair} for pair in zip(*map(replicas, target.networks), strict=True)]
    scorer = Scorer(target, name="x", plan=PLAN)
    scorer.score(IMAGES)
    seen = {module for module, _ in calls}
    assert seen == both[0] | both[1]
    for place, of_place in enumerate(both):
        calls.clear()
        with in_form(target.networks, PLAIN, place):
            target.score(IMAGES[:5])
        assert {module for module, _ in calls} == of_place


def test_a_frozen_graph_is_that_of_its_device():
    network = Network(Noting().eval(), device=TWO)
    with torch.no_grad():
        replicas(network)[1].weights.zero_()
    for place, zero in ((0, False), (1, True)):
        with in_form([network], Form("fp32", "frozen"), place):
            assert bool((network(IMAGES[:4]) == 0).all()) == zero


class Uncopyable(Noting):
    def __deepcopy__(self, _):
        raise TypeError("there is only one")


def test_a_module_that_cannot_be_copied_is_told_where_several_devices_are_named():
    with pytest.raises(TargetError, match=r"Uncopyable cannot be copied to cpu .*only one"):
        Network(Uncopyable().eval(), device=TWO)


def test_a_module_that_cannot_be_copied_computes_on_one_device_where_none_is_named(
    monkeypatch, caplog
):
    devices = [torch.device("cpu"), torch.device("cpu")]
    monkeypatch.setattr("neatfool.network.network.pick_devices", lambda _: devices)
    assert len(Network(Uncopyable().eval(), device="auto").devices) == 1
    (said,) = caplog.messages
    assert said.startswith("Uncopyable: computes on one device of 2, because it cannot be copied")
    assert "TypeError: there is only one" in said
    assert len(Network(Noting().eval(), device="auto").devices) == 2


def test_a_shared_context_is_entered_first_and_left_last():
    told = []

    class Context:
        def __enter__(self):
            told.append("in")

        def __exit__(self, *_):
            told.append("out")

    shared = SharedContext(Context)
    with shared:
        with shared:
            pass
        assert told == ["in"]
    assert told == ["in", "out"]
    with shared:
        assert told == ["in", "out", "in"]


@pytest.mark.gpu
@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two CUDA GPUs")
def test_two_gpus_give_the_scores_of_one():
    one, two = (scored(device, replace(PLAN, device="cuda")) for device in ("cuda:0", "cuda"))
    assert np.array_equal(one.logits, two.logits)
