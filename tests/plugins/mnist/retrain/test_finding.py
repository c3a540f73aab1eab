"""What is said of retrained networks, by how far they were fooled and what they say of digits."""

from __future__ import annotations

import numpy as np
import pytest

from neatfool import encode_png
from neatfool.present import Headline, Text
from neatfool_plugins.mnist.retrain.finding import (
    NetworkFacts,
    RetrainingResult,
    Round,
    RoundSearch,
)

PNG = encode_png(np.zeros((1, 28, 28), np.uint8))


def judged(number, alarms=0, accuracy=1.0):
    return {
        "round": number,
        "network": f"round-{number:02}/network.safetensors" if number > 1 else None,
        "fooling_images": 100 * (number - 1),
        "accuracy": accuracy,
        "real_images": 5,
        "false_alarms": alarms if number > 1 else None,
    }


def a_round(number, confidence, to_sure=None, **given):
    """A round in which each of two classes was found at the same confidence."""
    classes = {"0": confidence, "1": confidence}
    search = RoundSearch(
        run="run", seed=number, median=confidence, classes=classes, pictures={"0": (PNG, 1.0)}
    )
    return Round(
        **judged(number, **given),
        median=confidence,
        lowest=confidence,
        highest=confidence,
        fooled=float(confidence >= 0.5),
        safe=confidence < 0.5,
        images=60,
        images_to_99=to_sure,
        searches=(search,),
    )


def retraining(*rounds, refused=None):
    return RetrainingResult(
        name="mnist",
        experiment="mnist.ini",
        target="LeNet",
        folder="out",
        seed=1,
        first_images=100,
        more_images=100,
        least_accuracy=0.985,
        rounds=rounds,
        refused=refused,
    )


def said(finding):
    return " ".join(each.text for each in finding.story() if isinstance(each, Headline | Text))


@pytest.mark.parametrize(("alarms", "told"), [(5, True), (3, True), (1, False)])
def test_a_network_that_calls_most_digits_fooling_is_no_success(alarms, told):
    finding = retraining(a_round(1, 0.9), a_round(2, 0.001, alarms=alarms))
    assert (f"But it calls {alarms} of 5 real images 'fooling'" in said(finding)) is told


@pytest.mark.parametrize(
    ("rounds", "sentence"),
    [
        ([0.9995], "Before any retraining, the median confidence is 99.95 %."),
        ([0.9995, 0.992], "Retrained once, the network is still fooled: median confidence 99.95 %"),
        ([0.9995, 0.7, 0.7], "Retrained twice, the network is still fooled, but less surely"),
        ([0.9995, 0.001], "Retrained once, the network is not fooled any more"),
        ([0.9995, 0.3, 0.99, 0.3], "Retrained 3 times, the network is not fooled any more"),
        ([0.9995, 0.3, 0.99, 0.3], "The median was first under 50 % in round 2."),
        ([0.9995, 0.3, 0.99, 0.3], "50 % or more in 2 of 4 rounds, first in round 2."),
    ],
)
def test_what_came_out_is_said_in_a_sentence(rounds, sentence):
    finding = retraining(*(a_round(at, sure) for at, sure in enumerate(rounds, 1)))
    assert sentence in said(finding)


def test_how_much_longer_it_takes_is_told():
    assert "A median of 99 % took 20 images in round 1, and 40 in round 2." in said(
        retraining(a_round(1, 0.999, to_sure=20), a_round(2, 0.999, to_sure=40))
    )
    assert "A median of 99 % took 20 images in round 1, and more than 60 in round 2." in said(
        retraining(a_round(1, 0.999, to_sure=20), a_round(2, 0.3))
    )


def test_a_network_that_knows_too_few_digits_fails():
    assert retraining(a_round(1, 0.9)).exit_code == 0
    finding = retraining(a_round(1, 0.9), refused=NetworkFacts(**judged(2, accuracy=0.4)))
    assert finding.exit_code == 4
    assert "Round 2: the network recognises 40.00 % of real images, less than 98.50 %" in said(
        finding
    )
    assert finding.json().count('"accuracy"') == 2


@pytest.mark.parametrize(("accuracy", "told"), [(0.899, False), (0.9, True)])
def test_a_lower_accuracy_is_advised_where_the_target_takes_the_network(accuracy, told):
    finding = retraining(a_round(1, 0.9), refused=NetworkFacts(**judged(2, accuracy=accuracy)))
    assert ("give a lower --least-accuracy" in said(finding)) is told


def test_a_confidence_stands_out_if_it_fools():
    html = retraining(a_round(1, 0.9), a_round(2, 0.3)).html()
    assert '<span class="sure first">90.0 %' in html
    assert '<span class="sure">30.0 %' in html
