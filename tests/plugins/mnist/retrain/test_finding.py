"""What is said of retrained networks."""

import numpy as np

from neatfool import encode_png
from neatfool.present import Headline
from neatfool_plugins.mnist.retrain.finding import RetrainingResult, Round

PNG = encode_png(np.zeros((1, 28, 28), np.uint8))


def a_round(number, confidence):
    """A round in which each of two classes was found at the same confidence."""
    return Round(
        round=number,
        network=f"round-{number:02}/network.safetensors" if number > 1 else None,
        fooling_images=100 * (number - 1),
        accuracy=0.99,
        false_alarms=2 if number > 1 else None,
        run="run",
        seed=number,
        images=60,
        images_to_99=None if confidence < 0.99 else 20,
        classes={"0": confidence, "1": confidence},
        median=confidence,
        pictures={"0": (PNG, 1.0)},
    )


def retraining(*confidences):
    return RetrainingResult(
        name="mnist",
        experiment="mnist.ini",
        folder="out",
        seed=1,
        real_images=5,
        rounds=tuple(a_round(number, sure) for number, sure in enumerate(confidences, 1)),
    )


def test_the_headline_compares_the_last_round_with_the_first():
    (headline,) = (e.text for e in retraining(0.9995, 0.7).story() if isinstance(e, Headline))
    assert "After 1 retraining, " in headline
    assert "median confidence of 70.0 %, compared with 99.95 % before." in headline


def test_a_confidence_stands_out_if_it_fools():
    html = retraining(0.9, 0.3).html()
    assert '<span class="sure first">90.0 %' in html
    assert '<span class="sure">30.0 %' in html
