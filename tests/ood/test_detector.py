"""A detector of another package is asked as the built-in ones are."""

import numpy as np
import pytest
import torch

import neatfool
from neatfool.ood import Answers, ask_detectors, detector_names, make_detector
from neatfool.ood.in_distribution import divide
from neatfool.testing import ToyTarget

MARGIN = """
import neatfool
from neatfool.ood import Detector


class Margin(Detector):
    needs = "probabilities"

    def __init__(self, name="2"):
        self.rank = int(name)

    def score(self, answers):
        best = answers.probabilities.sort(1, descending=True).values
        return best[:, self.rank - 1] - best[:, 0]


@neatfool.hookimpl
def neatfool_register_detectors(register):
    register("margin", lambda: Margin())
    register("rank", lambda name: Margin(name))
"""
LOGITS = torch.tensor([[2.0, 0, -2], [0, 0, 0]])


@pytest.fixture
def margin(distribute):
    points = {"detector.margin": "margin_m", "detector.rank": "margin_m"}
    distribute("world", points, {"margin_m": MARGIN})


@pytest.mark.usefixtures("margin")
def test_a_name_makes_it():
    first, second, third = LOGITS[0].double().softmax(0)
    assert make_detector("margin").score(Answers(LOGITS))[0] == second - first
    assert make_detector("rank:3").score(Answers(LOGITS))[0] == third - first
    for wrong in ("rank", "margin:3"):
        with pytest.raises(neatfool.ExperimentError, match="there is no detector"):
            make_detector(wrong)


@pytest.mark.usefixtures("margin")
def test_those_whose_names_stand_alone_are_asked_by_default():
    assert {"margin", "energy", "knn"} <= {*detector_names()}
    assert {"rank", "pytorch-ood"}.isdisjoint(detector_names())
    spec = ToyTarget().spec
    images = torch.randint(256, (40, *spec.shape), dtype=torch.uint8)
    found = ask_detectors(ToyTarget(), images[:9].numpy(), divide(images, "noise"))
    assert "margin" in found.scores


class LogarithmsOfProbabilities(ToyTarget):
    """Gives these as its logits, as a mean of several networks does."""

    def score(self, images):
        probs = super().score(images).probs
        return neatfool.Scores(probs, np.log(probs))


def test_logarithms_of_probabilities_are_no_logits():
    images = torch.randint(256, (40, *ToyTarget().spec.shape), dtype=torch.uint8)
    known = divide(images, "noise")
    found = ask_detectors(LogarithmsOfProbabilities(), images[:9].numpy(), known)
    assert {"energy", "max_logit"} <= found.left_out.keys()
    assert "msp" in found.scores
    assert "energy" in ask_detectors(ToyTarget(), images[:9].numpy(), known).scores


@pytest.mark.usefixtures("margin")
def test_a_wrong_name_is_told_with_what_packages_offer():
    with pytest.raises(neatfool.ExperimentError, match=r"did you mean 'margin'.*rank:NAME"):
        make_detector("margn")
