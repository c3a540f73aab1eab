"""What is said of a retrained network, by what it says of real images."""

from types import SimpleNamespace

import pytest

from neatfool_plugins.mnist.retrain.lenets import Judgement
from neatfool_plugins.mnist.retrain.wording import course


def a_round(number, alarms):
    """A round that found nothing, of a network that calls some of five digits fooling."""
    return SimpleNamespace(
        number=number,
        runs=("a run",),
        learnt=100 * (number - 1),
        median=0.001,
        safe=True,
        images=60,
        images_to_sure=float("inf"),
        judgement=Judgement(5, 5 - alarms, alarms),
    )


@pytest.mark.parametrize(("alarms", "told"), [(5, True), (3, True), (1, False)])
def test_a_network_that_calls_most_digits_fooling_is_no_success(alarms, told):
    said = " ".join(course([a_round(1, 0), a_round(2, alarms)]))
    assert (f"But it calls {alarms} of 5 real images 'fooling'" in said) is told
