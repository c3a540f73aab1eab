import numpy as np
import pytest
import torch
from paid import PaidToy, paid_assembly
from searches import Silence

import neatfool
from neatfool import Labels, Scores, TargetError
from neatfool.evolution.assembly import assemble
from neatfool.evolution.resuming import resume
from neatfool.evolution.session import start
from neatfool.experiment.experiment import Experiment, load_experiment
from neatfool.fooling.open_runs import open_run
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.repeatability import check_repeatability
from neatfool.scoring.scorer import Scorer
from neatfool.testing import ToyTarget

# Noise, as soon as a file `noisy` lies beside it.
PLUGIN = """\
from pathlib import Path
import numpy as np
from neatfool import Scores, hookimpl
from neatfool.testing import ToyTarget

class Noisy(ToyTarget):
    def score(self, images):
        logits = super().score(images).logits
        if (Path(__file__).parent / "noisy").exists():
            logits = logits + np.random.default_rng().normal(size=logits.shape)
        weights = np.exp(logits - logits.max(1, keepdims=True))
        return Scores(weights / weights.sum(1, keepdims=True), logits)

@hookimpl
def neatfool_register_targets(register):
    register("noisy", lambda options: Noisy())
"""
EXPERIMENT = """\
[experiment]
generations = 2
[plugins]
path = noisy.py
[target]
plugin = noisy
"""


class Dropout(torch.nn.Module):
    def __init__(self):
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(0)
            self.dense = torch.nn.Linear(64, 5)

    def forward(self, numbers):
        hidden = torch.nn.functional.dropout(numbers.flatten(1), 0.5, training=True)
        return self.dense(hidden)


def softmax(logits):
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def brightness(images):
    light = images.mean((1, 2, 3)) / 255
    return np.stack([light, light**2, 1 - light], 1) * 8


def fool(model, folder, **more):
    settings = {"image": (1, 8, 8), "images": 40, "progress": False, "out": folder}
    return neatfool.fool(model, **settings | {"classes": 3} | more)


def test_dropout_that_is_left_on_stops_a_run_before_it_begins(tmp_path):
    with pytest.raises(TargetError, match=r"scored twice, got .* and then .* class '\d'.*dropout"):
        fool(Dropout().eval(), tmp_path / "run", classes=5)
    assert not (tmp_path / "run").exists()


def test_noise_shows_where_probabilities_are_at_their_ends(tmp_path):
    draw = np.random.default_rng(0)

    def certain(images):
        logits = np.stack([np.full(len(images), each) for each in (60.0, 20.0, 0.0)], 1)
        return softmax(logits + draw.normal(size=logits.shape))

    with pytest.raises(TargetError, match=r"logarithm of the probability of class '\d'.*noise"):
        fool(certain, tmp_path / "run")


def enter(how, file, folder):
    if how == "open_scorer":
        return neatfool.open_scorer(file)
    if how == "run":
        return start(assemble(load_experiment(file)), folder).go(Silence())

    def again(resolved, plan):
        return assemble(Experiment.from_resolved(resolved), plan)

    return resume(again, folder)


@pytest.mark.parametrize("how", ["run", "resume", "open_scorer"])
def test_each_way_to_begin_asks_twice(tmp_path, how):
    (tmp_path / "noisy.py").write_text(PLUGIN)
    file = tmp_path / "noisy.ini"
    file.write_text(EXPERIMENT)
    enter("run", file, tmp_path / "resume")
    (tmp_path / "noisy").touch()
    with pytest.raises(TargetError, match=r"target 'noisy'.*: the same image, scored twice, got"):
        enter(how, file, tmp_path / how)


def of_its_batch(images):
    """Takes the mean of the whole batch from each image."""
    return softmax(brightness(images - images.mean() + 128.0))


def test_scores_that_depend_on_the_batch_stop_a_run(tmp_path):
    with pytest.raises(TargetError, match=r"scored in another batch.*batch_size = 1"):
        fool(of_its_batch, tmp_path / "run")


@pytest.mark.parametrize("size", [2, 3, 4, 5, 8, 100])
def test_they_do_so_in_batches_of_any_size(size):
    class OfItsBatch(ToyTarget):
        def score(self, images):
            return super().score((images / max(images.max() - images.min(), 1) * 255).astype(int))

    with pytest.raises(TargetError, match="scored in another batch"):
        check_repeatability(Scorer(OfItsBatch(), name="x", plan=ScoringPlan(size)))


def quantised():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        layers = [torch.nn.Linear(64, 200), torch.nn.ReLU(), torch.nn.Linear(200, 3)]
    quantise = torch.ao.quantization.quantize_dynamic
    return quantise(torch.nn.Sequential(*layers), {torch.nn.Linear}, dtype=torch.qint8)


@pytest.mark.filterwarnings("ignore")
def test_a_dynamically_quantised_network_is_scored_one_image_a_call(tmp_path):
    network = quantised()

    def classify(images):
        numbers = torch.from_numpy(images).flatten(1).float() - 128
        return softmax(network(numbers).detach().numpy())

    with pytest.raises(TargetError, match="dynamically quantised"):
        fool(classify, tmp_path / "run")
    assert fool(classify, tmp_path / "run", target_options={"batch_size": 1}).evaluations == 40


def test_rounding_in_half_precision_is_let_through(tmp_path):
    def by_place(images):
        return softmax(brightness(images) * (1 + 1e-3 * np.arange(len(images)) % 2)[:, None])

    assert fool(by_place, tmp_path / "run").evaluations == 40


@pytest.mark.parametrize("size", [1, 2, 5, 16])
def test_few_images_are_asked_for_and_chance_is_left_alone(size):
    asked = []

    class Counting(ToyTarget):
        def score(self, images):
            asked.append(len(images))
            return super().score(images)

    before = torch.get_rng_state(), np.random.get_state()[1]
    scorer = Scorer(Counting(), name="x", plan=ScoringPlan(size))
    check_repeatability(scorer)
    assert set(asked) == {size}
    assert sum(asked) <= max(2 * size, 6)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    assert scorer.state() == {"screening": None, "halvings": []}


class PaidNoise(PaidToy):
    def answer(self, images):
        probs = super().answer(images).probs
        return Scores(np.roll(probs, len(self.asked), axis=1))


def test_a_paid_target_is_asked_about_one_image_twice(tmp_path):
    target = PaidNoise()
    with pytest.raises(TargetError, match="the same image, scored twice"):
        start(paid_assembly(target), tmp_path / "run").go(Silence())
    assert target.queries == 2
    assert open_run(tmp_path / "run").store.requests() == {"answered": (2, 2)}


@pytest.mark.parametrize("budget", [{"queries": 1}, {"requests": 1}])
def test_a_paid_target_is_not_checked_where_there_is_no_budget(tmp_path, budget):
    target = PaidNoise()
    start(paid_assembly(target, **budget), tmp_path / "run").go(Silence())
    assert len(target.asked) == 1


def test_a_paid_target_that_refuses_once_is_not_stopped():
    class Refuses(PaidToy):
        def answer(self, images):
            ok = np.full(len(images), len(self.asked) != 2)
            return Scores(super().answer(images).probs, ok=ok)

    check_repeatability(paid_assembly(Refuses()).scorer)


def test_what_a_service_rounds_is_let_through():
    class Rounds(PaidToy):
        def answer(self, images):
            there = len(self.asked) % 2 * 0.001
            return Labels([{"a": 0.95 + there, "b": there} for _ in images])

    check_repeatability(paid_assembly(Rounds()).scorer)
