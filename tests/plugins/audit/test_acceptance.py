"""What is accepted at each threshold, and the figures that no change of scale may move."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from neatfool import ImageSpec
from neatfool.spec.scores import log_odds
from neatfool_plugins.audit.acceptance import sum_up
from neatfool_plugins.audit.bootstrap import tell_apart
from neatfool_plugins.audit.confidence import LIMIT, ConfidenceRecord, simple_images

CLASSES = 20


def kind(name, odds, own=(), named=None, **more):
    """Describe images of one kind."""
    odds = np.asarray(odds, float).tolist()
    return ConfidenceRecord(
        kind=name,
        group=name,
        what=name,
        named=[0] * len(odds) if named is None else list(named),
        log_odds=odds,
        own=list(own),
        own_log_odds=odds if len(own) else [],
        **more,
    )


def accept(known, evolved, *, yours=None, most=0.01):
    kinds = [kind("in-distribution", known), kind("evolved", evolved)]
    return sum_up(kinds, "some", yours=yours, most=most)


def test_the_recommended_threshold_accepts_few_of_each_kind_and_the_next_lower_one_more():
    chance = np.random.default_rng(1)
    evolved = chance.normal(0, 2, 500)
    found = accept(chance.normal(6, 1, 400), evolved)
    best = found.at("recommended")
    assert (evolved >= best.log_odds).sum() <= 5
    assert (evolved >= best.log_odds - 0.5).sum() > 5
    assert found.advisable
    assert found.verdict().startswith("Accept at ")
    assert len(str(best.confidence)) <= 8  # A number that a person can copy.


def by_seed(*odds, group="evolved"):
    """Describe evolved images: the log-odds of each seed's."""
    places = [place for place, of_seed in enumerate(odds) for _ in of_seed]
    return kind(group, np.concatenate(odds), seeds=places)


def test_the_recommended_threshold_is_judged_by_images_of_other_seeds():
    chance = np.random.default_rng(1)
    seeds = [chance.normal(mean, 0.1, 200) for mean in (0, 0, 5)]
    images = [kind("in-distribution", np.full(100, 8.0)), by_seed(*seeds)]
    found = sum_up(images, "some", yours=None, most=0.01, seeds=[4, 5, 9])
    best = found.at("recommended")
    assert best.log_odds < 1
    assert found.held_out.seeds == [9]
    assert found.held_out.accepted["evolved"] == (200, 200)
    assert "200 of 200 evolved images of seed 9, 100 % (98 to 100 %)" in found.advice()
    assert accept(np.full(100, 8.0), seeds[0]).held_out is None


def test_the_chart_shows_at_each_threshold_what_the_table_says():
    chance = np.random.default_rng(1)
    found = accept(chance.normal(30, 3, 400), chance.normal(25, 2, 500), yours=0.9)
    (axes,) = found.draw().axes
    for curve, accepted in zip(axes.lines[:2], found.kinds, strict=True):
        for threshold, count in zip(found.thresholds, accepted.accepted, strict=True):
            assert axes.get_xlim()[0] < threshold.log_odds < axes.get_xlim()[1]
            place = np.searchsorted(curve.get_xdata(), threshold.log_odds)
            share = [*curve.get_ydata(), 0][place]  # Each step begins left of its value.
            assert share == pytest.approx(count / accepted.images, abs=0.003)


def test_all_words_of_the_chart_are_seen_where_log_odds_are_high():
    chance = np.random.default_rng(1)
    found = accept(chance.normal(0.4, 3, 400), chance.normal(305, 80, 500), yours=0.592)
    drawn = found.draw()
    (axes,) = drawn.axes
    drawn.canvas.draw()
    places = [each.get_window_extent() for each in axes.texts]
    assert all(drawn.bbox.x0 <= each.x0 and each.x1 <= drawn.bbox.x1 for each in places)
    ticks = [label.get_window_extent() for label in axes.get_xticklabels()]
    seen = [each for each in ticks if axes.bbox.x0 <= each.x0 and each.x1 <= axes.bbox.x1]
    assert len(seen) >= 3
    assert all(left.x1 < right.x0 for left, right in pairwise(seen))


def test_the_headline_names_the_threshold_that_decides():
    few = accept(np.zeros(3), np.ones(9)).headline()
    assert "At the fitted threshold, " in few
    assert "it accepts none of the 9 evolved images" in few
    yours = accept(np.zeros(3), np.ones(9), yours=1.0).headline()
    assert yours.startswith("At your threshold, 100 %, it accepts")


def test_few_digits_of_a_threshold_cost_few_images():
    chance = np.random.default_rng(1)
    known, evolved = chance.normal(0.06, 0.01, 400), chance.normal(0, 0.01, 500)
    passing = [accept(scale * known, scale * evolved).at("recommended") for scale in (1, 100)]
    assert passing[0].passing == pytest.approx(passing[1].passing, abs=0.03)


def test_no_threshold_is_recommended_where_nothing_is_surer_than_the_real():
    found = accept(np.zeros(100), np.ones(100))
    assert not found.advisable
    assert found.verdict().startswith("No threshold helps: ")
    assert accept(np.zeros(30), np.full(30, LIMIT)).at("recommended") is None


def test_a_threshold_of_each_class_accepts_only_those_classes():
    evolved = kind("evolved", [1.0, 1.0, 1.0], named=[0, 1, 2])
    found = sum_up([evolved], None, yours={0: 0.6, 1: 0.9}, most=0.5)
    assert found.kinds[0].accepted[0] == 1


def fooled(known, evolved):
    """Give the share of evolved images that pass with 95 % of the known ones, by logits."""
    odds = [log_odds(np.asarray(each)) for each in (known, evolved)]
    right = odds[1].argmax(1) == np.arange(len(evolved)) % CLASSES
    sure = np.where(right, odds[1].max(1), -LIMIT)
    places = np.arange(len(evolved))
    return tell_apart(odds[0].max(1), sure, places // CLASSES, places % CLASSES)[1]


@pytest.fixture(scope="module")
def logits():
    """Draw logits of 600 in-distribution images, and of three seeds' evolved ones."""
    chance = np.random.default_rng(3)

    def some(number, strengths):
        drawn = chance.normal(0, 1, (number, CLASSES))
        drawn[np.arange(number), np.arange(number) % CLASSES] += strengths
        return drawn

    return some(600, chance.normal(9, 2.5, 600)), some(60, chance.normal(6, 2.5, 60))


@pytest.mark.parametrize("temperature", [0.1, 0.5, 2, 10, 100])
def test_no_temperature_moves_the_share_of_fooled_classes(logits, temperature):
    known, evolved = logits
    plain = fooled(known, evolved)
    assert 0.2 < plain.value < 0.8
    changed = fooled(known / temperature, evolved / temperature)
    assert plain.low <= changed.value <= plain.high
    assert abs(changed.value - plain.value) < 0.1


@pytest.mark.parametrize("dead", [1, 1000])
def test_dead_classes_do_not_dilute_it(logits, dead):
    known, evolved = logits
    more = [np.pad(each, ((0, 0), (0, dead)), constant_values=-50) for each in logits]
    assert fooled(*more).value == fooled(known, evolved).value


def test_doubled_classes_do_not_halve_it(logits):
    known, evolved = logits
    twice = fooled(*(np.repeat(each, 2, 1)[:, ::2] for each in logits))
    assert twice.value == fooled(known, evolved).value
    halved = [np.concatenate([each, each], 1) for each in logits]
    odds = [log_odds(each).max(1) for each in halved]
    assert odds[0].max() < 1e-9  # No class is likelier than its twin.
    places = np.arange(len(evolved))
    found = tell_apart(*odds, places // CLASSES, places % CLASSES)[1]
    plain = fooled(known, evolved)
    assert abs(found.value - plain.value) < 0.1


@pytest.mark.parametrize("digits", [1, 2, 4])
def test_rounding_never_makes_it_look_better(logits, digits):
    known, evolved = (np.max(1 / (1 + np.exp(-log_odds(each))), 1) for each in logits)
    places = np.arange(len(evolved))
    ones = (places // CLASSES, places % CLASSES)
    exact, rounded = (
        tell_apart(*pair, *ones)[1]
        for pair in ((known, evolved), (known.round(digits), evolved.round(digits)))
    )
    assert rounded.value >= exact.value


def test_noise_that_the_search_selects_from_never_makes_it_look_better(logits):
    known, evolved = logits
    chance = np.random.default_rng(4)
    # As the noise is a hash of the image, a search keeps the luckiest of many.
    drawn = [evolved + chance.normal(0, 2, evolved.shape) for _ in range(30)]
    places = np.arange(len(evolved))
    own = np.array([log_odds(each)[places, places % CLASSES] for each in drawn])
    best = np.stack(drawn)[own.argmax(0), places]
    noisy = fooled(known + chance.normal(0, 2, known.shape), best)
    assert noisy.value >= fooled(known, evolved).value


def test_simple_images_of_a_single_pixel_have_colours():
    spec = ImageSpec(1, 1, 3, ("a", "b"))
    with np.errstate(all="raise"):
        drawn = {kind: images for kind, *_, images in simple_images(spec, 9)}
    assert len(drawn["low frequency"].flatten(1).unique(dim=0)) > 3


@pytest.mark.parametrize("channels", [1, 3])
def test_simple_images_have_the_size_of_the_target_and_come_again(channels):
    spec = ImageSpec(12, 20, channels, ("a", "b"))
    photographs = torch.arange(2 * 240 * channels).reshape(2, *spec.shape).to(torch.uint8)
    first, again = ([*simple_images(spec, 6, 1, photographs)] for _ in range(2))
    assert len(first) == len([*simple_images(spec, 6)]) + 1
    for (*_, images), (*_, same) in zip(first, again, strict=True):
        assert (images.dtype, images.shape) == (torch.uint8, (6, *spec.shape))
        assert torch.equal(images, same)
        assert len({image.numpy().tobytes() for image in images}) > 3
    kinds = {kind: images for kind, _, _, images in first}
    assert {*kinds["rademacher"].unique().tolist()} == {0, 255}
    assert (kinds["blank"].flatten(2).float().std(2) == 0).all()
    rows = [image.flatten(1).sort().values for image in photographs]
    permuted = kinds["permuted"][0].flatten(1).sort().values
    assert any(torch.equal(permuted, each) for each in rows)
    for stripes in kinds["stripes"].float():
        assert (stripes.std(1) == 0).all() or (stripes.std(2) == 0).all()
    steps = [kinds[kind][::3].float().diff().abs().mean() for kind in ("uniform", "low frequency")]
    assert steps[1] < steps[0] / 2


def test_an_image_that_is_rejected_is_not_named_rightly():
    known = kind("in-distribution", [2, -LIMIT, -LIMIT, 1], [0] * 4, [0, -1, -1, 0])
    assert known.right.tolist() == [True, False, False, True]
