import logging
import math
import threading
from dataclasses import replace

import networks
import numpy as np
import pytest
import torch
from networks import EXPERIENCED, SPEC, Flat, images_of, seconds_by
from torch import nn

from neatfool import ImageSpec, Network, Target, TargetError
from neatfool.experiment.framework import CallSettings
from neatfool.network.network import Form
from neatfool.scoring.plan import (
    PARTS,
    ScoringPlan,
    SpeedTrial,
    automatic_batch_size,
    make_plan,
    part_size,
    plan_for_gpu,
    reuse_plan,
)
from neatfool.scoring.scorer import Scorer


class Networked(networks.Networked):
    """A target of one network, that notes in which form and thread it is called."""

    def __init__(self, *modules):
        super().__init__(*modules)
        self.calls = []

    def score(self, images):
        self.calls.append((self.networks[0].form.precision, len(images), torch.get_num_threads()))
        return super().score(images)


class Plain(Target):
    spec = SPEC

    def score(self, images):
        raise AssertionError


SECONDS = {"fp32": 0.003, "bf16": 0.001}


@pytest.fixture
def trial(monkeypatch):
    """A machine of two cores, on which an image takes these seconds."""
    monkeypatch.setattr(SpeedTrial, "seconds", seconds_by(SECONDS))
    monkeypatch.setattr(Network, "half", "bf16")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)


@pytest.mark.parametrize(
    ("says", "images"),
    [
        ({}, 200),
        ({"concurrency": 4}, 50),
        ({"concurrency": 4, "batch_size": 4096}, 200),
        ({"concurrency": 4, "batch_size": 64}, 50),
        ({"batch_size": 1}, 1),
    ],
)
def test_a_target_that_says_how_many_images_it_takes_is_given_them_in_one_call(says, images):
    target = Plain()
    vars(target).update(says)
    assert plan(target).batch_size == images


def plan(target=None, *, can_screen=True, generation_size=200, recorded=None, **calls):
    target, calls = target or Networked(), CallSettings(**calls)
    if recorded is not None:
        return reuse_plan(recorded, calls)
    return make_plan(target, calls, generation_size=generation_size, can_screen=can_screen)


def test_a_fast_half_precision_screens(trial):
    made = plan()
    assert (made.screening, made.graph, made.device) == ("bf16", "fused", "cpu")
    assert made.form() == Form("fp32", "fused")


def test_a_half_precision_that_saves_little_does_not(trial, monkeypatch):
    monkeypatch.setitem(SECONDS, "bf16", 0.0025)
    assert plan().screening is None
    assert plan(precision="bf16").screening == "bf16"


def test_a_scheme_without_a_bar_is_not_screened_for(trial):
    assert plan(can_screen=False).screening is None


def test_precision_fp32_scores_each_image_exactly(trial):
    assert plan(precision="fp32").screening is None


def test_a_network_that_half_precision_breaks_is_not_screened(trial, caplog):
    caplog.set_level(logging.INFO, "neatfool")

    class Strict(Flat):
        def forward(self, pixels):
            if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("no half measures")
            return super().forward(pixels)

    assert plan(Networked(Strict())).screening is None
    assert "Networked does not compute in bf16: RuntimeError: no half" in caplog.messages[-1]


def test_each_core_has_calls_of_its_own(trial):
    made = plan()
    assert (made.threads, made.workers) == (1, 2)
    assert plan(threads=4).workers == 4
    assert "4 threads" in plan(threads=4).describe()


def test_the_number_of_cores_is_not_recorded(trial):
    assert plan(threads=1).to_json() == plan(threads=4).to_json()
    assert "cores" not in plan(threads=4).to_json()


def test_the_exact_batch_does_not_depend_on_the_stopwatch(trial, monkeypatch):
    made = plan()
    monkeypatch.setitem(SECONDS, "bf16", 1.0)
    assert plan().batch_size == made.batch_size == 25
    assert plan(batch_size=64).batch_size == 64


class Large(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, pixels):
        return pixels[:, :, ::9, ::99].flatten(1)[:, :3]


def test_exact_batches_of_large_images_are_small_where_operations_are_fused(trial, monkeypatch):
    target = Networked(Large())
    target.spec = ImageSpec(65, 65, 1, ("a", "b", "c"), array="torch")
    fused = plan(target)
    assert (fused.graph, fused.batch_size) == ("fused", 2)
    frozen = plan(target, graph="frozen")
    assert (frozen.graph, frozen.batch_size) == ("frozen", 16)
    monkeypatch.setattr(Network, "graphs", lambda *_: {"frozen"})
    assert plan(target) == frozen


def test_a_fused_graph_that_is_slower_than_the_module_is_not_used(trial, monkeypatch):
    def seconds(_, calls):
        return [0.02 if form.graph == "fused" else 0.01 for form, _ in calls]

    monkeypatch.setattr(SpeedTrial, "seconds", seconds)
    assert plan().graph == "frozen"


@pytest.mark.parametrize(
    ("layers", "images"),
    [
        ([nn.Conv2d(1, 8, 3), nn.Linear(8, 3)], 16),
        ([nn.Conv2d(1, 8, 3), nn.Linear(8, 30)], 2),
    ],
)
def test_without_fusing_only_convolutions_need_large_batches(trial, layers, images):
    target = Networked(Large(*layers))
    target.spec = ImageSpec(65, 65, 1, ("a", "b", "c"), array="torch")
    assert plan(target, graph="frozen").batch_size == images


def test_a_target_without_networks_is_called_with_equal_batches():
    assert plan(Plain(), generation_size=300) == ScoringPlan(150)


def test_a_recorded_plan_is_kept_but_for_the_number_of_cores(trial):
    recorded = ScoringPlan(7, "cpu", 4, "frozen", "bf16", 14, cores=1)
    made = plan(recorded=recorded)
    assert made == recorded
    assert made.workers == 2


@pytest.mark.parametrize("generation", [1, 7, 96, 200, 1000])
@pytest.mark.parametrize("batch", [1, 16, 25, 300])
@pytest.mark.parametrize("screening_batch", [0, 1, 3])
def test_parts_are_whole_batches(generation, batch, screening_batch):
    for parts in (1, 4):
        screening = screening_batch * batch
        size = part_size(generation, batch, screening, parts)
        assert size % (screening or batch) == 0
        assert -(-generation // size) <= parts


@pytest.mark.parametrize(
    ("generation", "exact", "parts"), [(200, 50, 4), (96, 24, 4), (400, 50, 4), (96, 16, 3)]
)
def test_on_a_gpu_a_generation_is_made_in_parts(generation, exact, parts):
    # What plans for a GPU can be asked of make_plan only where there is one.
    made = plan_for_gpu(ScoringPlan(exact, "cuda"), "fp16", generation, generation)
    assert math.ceil(generation / part_size(generation, made.batch_size, 0, PARTS)) == parts
    assert made.screening_batch >= part_size(generation, made.batch_size, 0, PARTS)


@pytest.mark.parametrize(("generation", "images"), [(200, 50), (40, 20), (9, 6), (1, 1)])
def test_images_are_screened_two_batches_at_a_time(trial, generation, images):
    assert plan(generation_size=generation).screening_batch == images


@pytest.mark.parametrize(("seconds", "held"), [({"fp32": 1, "bf16": 0.9}, 0), (SECONDS, 1)])
def test_graphs_that_were_only_tried_are_freed(trial, monkeypatch, seconds, held):
    monkeypatch.setattr(SpeedTrial, "seconds", seconds_by(seconds))
    target = Networked()
    made = plan(target, precision="auto")
    assert (made.screening is not None) == bool(held)
    # Only private names show which graphs a network holds.
    assert bool(target.networks[0]._runs) == bool(held)


@pytest.mark.parametrize(
    ("generation", "size"), [(1, 1), (200, 200), (256, 256), (257, 129), (1000, 250)]
)
def test_the_automatic_batch_divides_a_generation_evenly(generation, size):
    assert automatic_batch_size(generation) == size


IMAGES = images_of(40)
SCREENING = ScoringPlan(5, "cpu", 4, "eager", "bf16", 10, cores=1)


def scored(scorer, bar, images=IMAGES, part=10):
    scoring = scorer.generation(bar)
    for start in range(0, len(images), part):
        scoring.add(images[start : start + part])
    return scoring, scoring.result()


def test_confirmed_scores_are_the_exact_ones():
    scorer = Scorer(Networked(), name="x", plan=SCREENING)
    exact = scorer.score(IMAGES)
    scorer.screening.restore(EXPERIENCED)
    scoring, scores = scored(scorer, np.full(3, 1.0))
    assert 0 < scoring.confirmed < 40
    assert scores.exact.sum() == scoring.confirmed
    assert np.array_equal(scores.probs[scores.exact], exact.probs[scores.exact])
    assert np.array_equal(scores.logits[scores.exact], exact.logits[scores.exact])
    assert not np.array_equal(scores.probs[~scores.exact], exact.probs[~scores.exact])
    scorer.close()


def test_nothing_is_confirmed_where_nothing_matters():
    target = Networked()
    scorer = Scorer(target, name="x", plan=SCREENING)
    scorer.screening.restore(EXPERIENCED)
    scoring, scores = scored(scorer, np.full(3, np.inf))
    assert scoring.confirmed == 0
    assert not scores.exact.any()
    assert {precision for precision, *_ in target.calls} == {"bf16"}


def test_without_a_bar_all_is_exact():
    target = Networked()
    scorer = Scorer(target, name="x", plan=SCREENING)
    scoring, scores = scored(scorer, None)
    assert scores.exact is None
    assert scoring.confirmed == 40
    assert {call[:2] for call in target.calls} == {("fp32", 5)}


def test_while_screening_pauses_all_is_exact():
    scorer = Scorer(Networked(), name="x", plan=SCREENING)
    scorer.screening.restore({"margin": 0.1, "seen": 999, "pause": 2})
    for left in (1, 0):
        _, scores = scored(scorer, np.zeros(3))
        assert scores.exact is None
        assert scorer.screening.state()["pause"] == left
    assert scored(scorer, np.zeros(3))[1].exact is not None


def test_a_call_of_networks_on_a_cpu_uses_one_core():
    target = Networked()
    before = torch.get_num_threads()
    torch.set_num_threads(before + 1)
    try:
        Scorer(target, name="x", plan=SCREENING).score(IMAGES[:5])
        assert [threads for *_, threads in target.calls] == [1]
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)


class Sums(nn.Module):
    """Adds up all pixels of an image, in an order that depends on the number of cores."""

    def forward(self, pixels):
        assert len(pixels) == 1
        return torch.stack([(pixels * each).sum() for each in (0.1, 0.2, 0.3)])[None]


def test_scores_do_not_depend_on_the_number_of_cores():
    target = Networked(Sums())
    target.spec = ImageSpec(512, 512, 1, ("a", "b", "c"), array="torch")
    target.batch_size = 1
    # Of a few images the sums are the same by chance; of this one they are not.
    chance = torch.Generator().manual_seed(0)
    image = torch.randint(256, (1, 1, 512, 512), generator=chance, dtype=torch.uint8)
    before, plain, scored = torch.get_num_threads(), [], []
    try:
        for cores in (1, 2, 3):
            torch.set_num_threads(cores)
            plain.append(target.networks[0](image))
            scorer = Scorer(target, name="x", plan=plan(target))
            scored.append(scorer.score(image.expand(4, -1, -1, -1)).logits)
            scorer.close()
    finally:
        torch.set_num_threads(before)
    assert not torch.equal(plain[0], plain[1])
    assert np.array_equal(scored[0], scored[1])
    assert np.array_equal(scored[0], scored[2])


def test_the_parts_are_scored_while_others_are_made():
    go_on = threading.Event()

    class Waits(Networked):
        def score(self, images):
            assert go_on.wait(30)
            return super().score(images)

    scoring = Scorer(Waits(), name="x", plan=ScoringPlan(10, "cpu")).generation()
    scoring.add(IMAGES[:10])  # returns, though the target does not
    go_on.set()
    scoring.add(IMAGES[10:20])
    assert scoring.result().probs.shape == (20, 3)
    assert scoring.seconds > 0


def test_workers_call_at_the_same_time():
    both = threading.Barrier(2, timeout=30)

    class Meets(Networked):
        def score(self, images):
            both.wait()
            return super().score(images)

    scorer = Scorer(Meets(), name="x", plan=replace(SCREENING, cores=2))
    assert scorer.score(IMAGES[:20]).ok.all()


def test_what_goes_wrong_in_the_thread_is_told_as_elsewhere():
    class Fails(Networked):
        def score(self, images):
            raise RuntimeError("lens cap on")

    scoring = Scorer(Fails(), name="target 'x'", plan=ScoringPlan(10, "cpu")).generation()
    scoring.add(IMAGES[:10])
    with pytest.raises(TargetError, match=r"target 'x': score\(\) failed.*lens cap on"):
        scoring.result()


@pytest.mark.parametrize("rows", [[], [0], [39, 3, 3, 12]])
def test_images_are_found_whatever_part_they_are_in(rows):
    scoring, _ = scored(Scorer(Networked(), name="x", plan=SCREENING), None, part=7)
    assert [*map(np.ndarray.tolist, scoring.saved(rows))] == IMAGES[rows].tolist()


def test_a_call_has_no_more_images_than_the_target_takes(trial):
    target = Networked()
    target.batch_size = 3
    made = plan(target)
    assert (made.batch_size, made.screening_batch) == (3, 3)
    assert plan(target, batch_size=5).batch_size == 5
