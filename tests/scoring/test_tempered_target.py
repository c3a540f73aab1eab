"""A target whose logits are divided by a temperature."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from paid import PaidToy

import neatfool
from neatfool import Scores, behind
from neatfool.errors import ExperimentError
from neatfool.scoring.wrapped_targets import TemperedTarget, temper
from neatfool.testing import TOY_SPEC, ToyTarget, check_plugin

Z = np.random.default_rng(1).normal(0, 3, (6, len(TOY_SPEC.classes)))


class Logits(ToyTarget):
    """Gives logits that torch can differentiate."""

    def score(self, images):
        return Scores(torch.tensor(Z).softmax(1).numpy()[: len(images)], Z[: len(images)])

    def logits_of(self, images):
        return images.flatten(1)[:, : Z.shape[1]]

    def fingerprint(self):
        return "mine"


def tempered(temperature=2.0, target=None):
    return TemperedTarget(target or ToyTarget(), temperature, name="target 'toy'")


def test_it_keeps_the_contract_of_targets():
    check_plugin("target", tempered)


@pytest.mark.parametrize("temperature", [0.1, 3, 1000])
def test_it_is_the_softmax_of_divided_logits_and_loses_no_rank_near_one(temperature):
    found = tempered(temperature, Logits()).score(np.zeros((6, *TOY_SPEC.shape), np.uint8))
    expected = (torch.tensor(Z) / temperature).softmax(1).numpy()
    np.testing.assert_allclose(found.probs, expected, atol=1e-12)
    odds = neatfool.rank(found)
    assert np.isfinite(odds).all()
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), expected, atol=1e-9)


def test_a_target_without_logits_has_the_logarithms_of_its_probabilities():
    probs = torch.tensor(Z).softmax(1).numpy()
    found, same = (temper(each, TOY_SPEC, 3.0) for each in (Scores(probs), Scores(probs, Z)))
    np.testing.assert_allclose(found.probs, same.probs, atol=1e-9)


def test_each_class_of_a_multi_label_target_has_its_own_sigmoid():
    spec, sigmoids = replace(TOY_SPEC, sums_to_one=False), 1 / (1 + np.exp(-Z))
    for scores in (Scores(sigmoids), Scores(sigmoids, Z)):
        np.testing.assert_allclose(temper(scores, spec, 2.0).probs, 1 / (1 + np.exp(-Z / 2)))


def test_what_cannot_be_scored_stays_so():
    ok = np.array([True, False] * 3)
    assert (temper(Scores(Z * 0 + 0.2, None, ok), TOY_SPEC, 2.0).ok == ok).all()


def test_gradients_and_fingerprints_know_the_temperature_and_detectors_do_not():
    inner = Logits()
    target = tempered(4.0, inner)
    images = torch.full((1, *TOY_SPEC.shape), 8.0)
    assert torch.equal(target.logits_of(images), inner.logits_of(images) / 4)
    assert len({target.fingerprint(), tempered(5.0, inner).fingerprint(), "mine"}) == 3
    assert tempered().fingerprint() == ToyTarget().fingerprint()
    assert behind(target) is inner


def test_a_target_that_costs_something_has_no_temperature():
    with pytest.raises(ExperimentError, match="logit_temperature"):
        tempered(2.0, PaidToy())


def test_a_model_from_python_is_searched_at_it_and_verified(tmp_path):
    def model(images):
        z = torch.as_tensor(images).float().flatten(1)[:, :3] / 64
        return z.softmax(1).numpy()

    keys = {"image": (1, 8, 8), "classes": 3, "images": 60, "encoding": "direct"}
    sharp, soft = (
        neatfool.fool(
            model, **keys, target_options={"logit_temperature": each}, out=tmp_path / str(each)
        )
        for each in (0.2, 5.0)
    )
    assert sharp.history[-1].median > 0.9 > 0.5 > soft.history[-1].median
    assert soft.verify(model).wrong == []
