"""Each check of a detector finds the fault that it is there for."""

import pytest
import torch

from neatfool.ood import Detector
from neatfool.testing import check_plugin, examine_plugin


class Margin(Detector):
    needs = "probabilities"
    differentiable = True

    def score(self, answers):
        first, second = answers.probabilities.topk(2, 1).values.unbind(1)
        return second - first


class FarFromMean(Detector):
    needs = "features"
    fits = True

    def fit(self, answers):
        self.mean = answers.features.mean(0)

    def score(self, answers):
        return (answers.features - self.mean).norm(dim=1)


@pytest.mark.parametrize("detector", [Margin, FarFromMean])
def test_a_good_detector_passes(detector):
    check_plugin("detector", detector)


def write_to_logits(self, answers):
    scores = Margin.score(self, answers)
    answers.logits.data.mul_(2)
    return scores


def fit_by_chance(self, answers):
    self.mean = answers.features[torch.randperm(len(answers.features))[:3]].mean(0)


FAULTS = {
    "needs": (Margin, {"needs": "softmax"}, "it is one of probabilities, logits, features"),
    "shape": (Margin, {"score": lambda _, a: a.probabilities}, "give one number an image"),
    "nan": (Margin, {"score": lambda _, a: a.logits.sum(1) / 0 * 0}, "not a finite number"),
    "constant": (Margin, {"score": lambda _, a: a.logits.sum(1) * 0}, "does it use the answers"),
    "chance": (
        Margin,
        {"score": lambda _, a: torch.rand(len(a.logits))},
        "generator of torch was used",
    ),
    "batch": (
        Margin,
        {"score": lambda _, a: a.logits.amax(1) - a.logits.mean()},
        "alone and among others",
    ),
    "write": (Margin, {"score": write_to_logits}, "score.. changed its logits"),
    "logits": (Margin, {"score": lambda _, a: a.logits.amax(1)}, "logarithms of probabilities"),
    "fit": (FarFromMean, {"fit": fit_by_chance}, "fitted twice"),
    "gradient": (Margin, {"score": lambda _, a: -a.probabilities.amax(1).detach()}, "no gradient"),
}


@pytest.mark.parametrize(("base", "members", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_is_said(base, members, said):
    spoilt = type("Spoilt", (base,), members)
    with pytest.raises(AssertionError, match=said):
        check_plugin("detector", spoilt)


def test_what_is_no_detector_is_said():
    (result,) = examine_plugin("detector", object)
    assert "inherit from" in result.message
