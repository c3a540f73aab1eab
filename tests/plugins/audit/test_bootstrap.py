"""How well a score tells images apart, and the intervals of that."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from neatfool.measure import LIMIT
from neatfool_plugins.audit.bootstrap import median_of, tell_apart, threshold_of


def draw(seed, number=200, shift=1.0, seeds=3):
    """Draw scores of in-distribution images, and of fooling ones of several seeds and classes."""
    chance = np.random.default_rng(seed)
    known = chance.normal(shift, 1, 300)
    return known, chance.normal(0, 1, number * seeds), *np.indices((seeds, number)).reshape(2, -1)


def test_auroc_and_rate_are_those_of_scikit_learn():
    known, fooling, seeds, classes = draw(1)
    auroc, passing = tell_apart(known, fooling, seeds, classes)
    labels = np.repeat([1, 0], [len(known), len(fooling)])
    assert auroc.value == pytest.approx(roc_auc_score(labels, [*known, *fooling]))
    assert (known >= threshold_of(known)).mean() == 0.95
    assert passing.value == pytest.approx((fooling >= threshold_of(known)).mean())
    assert auroc.low < auroc.value < auroc.high


def test_fewer_than_twenty_images_tell_no_rate():
    known, *fooling = draw(1)
    assert tell_apart(known[:19], *fooling)[1] is None
    assert tell_apart(known[:20], *fooling)[1] is not None


def test_equal_scores_pass_and_count_as_half():
    ones = np.ones(40)
    auroc, passing = tell_apart(ones, ones, np.zeros(40, int), np.arange(40))
    assert (auroc.value, passing.value) == (0.5, 1.0)


def test_an_interval_holds_the_true_value_about_as_often_as_it_says():
    true = 0.76025  # The probability that a normal deviate exceeds another one less 1.
    held = [each.low <= true <= each.high for each in (tell_apart(*draw(s))[0] for s in range(60))]
    assert sum(held) >= 52


@pytest.mark.parametrize(
    ("counts", "median"),
    [([100, 300, 200], 200), ([100, np.inf, 200], 200), ([100, np.inf, np.inf], None)],
)
def test_what_was_not_reached_is_later_than_what_was(counts, median):
    assert median_of(counts) == median


def test_what_the_network_rejects_passes_at_no_threshold():
    known = np.array([-LIMIT] * 8 + [*range(92)])
    assert threshold_of(known) == 0
    assert threshold_of(np.array([-LIMIT] * 4 + [*range(96)])) == 1
    assert threshold_of(np.full(20, -LIMIT)) == -LIMIT
    fooling, places = np.array([-LIMIT] * 6 + [-1, 0, 1, 2]), np.arange(10)
    _, passing = tell_apart(known, fooling, np.zeros(10, int), places)
    assert passing.value == pytest.approx(0.3)
    assert 0 <= passing.low <= 0.3 <= passing.high < 1
