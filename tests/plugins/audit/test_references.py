"""Known networks and earlier versions beside a card, and what is said of that."""

from __future__ import annotations

import numpy as np
import pytest

from neatfool import ExperimentError
from neatfool_plugins.audit.card import ReportCard
from neatfool_plugins.audit.references import (
    check_known_images,
    compare_versions,
    compare_with_known,
    list_differences,
    read_card,
    read_references,
)

REFERENCES = {card.name: card for card in read_references()}
SCHEME = REFERENCES["LeNet"].search["scheme"]


def changed(card, **keys):
    return ReportCard.model_validate(card.model_dump() | keys)


def test_the_packaged_cards_have_the_standard_budget_and_name_no_place_of_their_maker():
    assert "LeNet" in REFERENCES
    for card in REFERENCES.values():
        assert [card.images, card.seeds] == [12_000, [1, 2, 3]]
        assert all(run.startswith("runs/") for run in card.runs)
        assert "/" not in str(card.acceptance.in_distribution)
        assert card.fooled is not None


def at_temperature(card, temperature, confidence):
    """Let a card be of a search at a temperature, at which known images have a confidence."""
    known, *others = card.acceptance.kinds
    kinds = [known.model_copy(update={"median": confidence}), *others]
    options = card.classifier.options | {"logit_temperature": temperature}
    classifier = card.classifier.model_copy(update={"options": options})
    acceptance = card.acceptance.model_copy(update={"kinds": kinds})
    return card.model_copy(update={"classifier": classifier, "acceptance": acceptance})


def test_a_card_beside_itself_is_as_easily_fooled_and_the_page_says_so():
    lenet = REFERENCES["LeNet"]
    assert compare_with_known(lenet, [lenet]) == ["about as easily fooled as LeNet (100 %)"]
    card = changed(lenet, beside=compare_with_known(lenet, [lenet]))
    assert "It is about as easily fooled as LeNet (100 %)." in card.html().replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("different", "said"),
    [
        ({"images": 1000}, []),
        ({"search": {"scheme": SCHEME | {"batch": 50}}}, ["[scheme] batch = 50 and not 200"]),
        ({"acceptance": {"in_distribution": "10 of photographs"}}, []),
        ({"classifier": {"classes": 1000}}, ["1,000 classes and not 10"]),
    ],
)
def test_other_settings_are_not_compared(different, said):
    lenet = REFERENCES["LeNet"]
    whole = lenet.model_dump()
    for key, value in different.items():
        whole[key] = whole[key] | value if isinstance(value, dict) else value
    card = ReportCard.model_validate(whole)
    assert compare_with_known(card, [lenet]) == []
    assert list_differences(card, lenet) == said


def test_only_cards_of_one_calibration_are_compared():
    lenet = REFERENCES["LeNet"]
    one, other, softer = (at_temperature(lenet, *each) for each in ((3, 0.9), (0.2, 0.9), (5, 0.8)))
    assert list_differences(one, other) == []
    assert list_differences(one, lenet) == [
        "a temperature that makes in-distribution images 90 % sure (median) and not its own "
        "calibration"
    ]
    assert "80 %" in list_differences(softer, one)[0]


def test_without_in_distribution_images_nothing_is_compared():
    lenet = REFERENCES["LeNet"]
    card = changed(lenet, fooled=None)
    assert compare_with_known(card, [lenet]) == []
    assert "Do not compare that with another network's" in card.headline()
    assert "uniform noise 9" in card.headline()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.5, 0.6, "more easily fooled than"), (0.0, 0.1, "less easily"), (0.1, 0.4, "about as")],
)
def test_the_verdict_needs_ranges_that_do_not_overlap(low, high, said):
    lenet = REFERENCES["LeNet"]
    assert lenet.fooled is not None

    def seeds(*by_seed):
        fooled = lenet.fooled.model_copy(update={"by_seed": [*by_seed]})
        return lenet.model_copy(update={"fooled": fooled})

    (beside,) = compare_with_known(seeds(low, high), [seeds(0.2, 0.3, 0.4)])
    assert said in beside


def version(lenet, rates, seed, seeds=8, classes=200):
    """Make a card of many classes, each of which a seed fools with a probability."""
    chance = np.random.default_rng(seed)
    fooled = chance.random((classes, seeds)) < np.asarray(rates)[:, None]
    own = [
        lenet.classes[0].model_copy(
            update={"name": f"class {n}", "log_odds": [100.0 if each else None for each in row]}
        )
        for n, row in enumerate(fooled)
    ]
    return lenet.model_copy(update={"classes": own, "name": f"version {seed}"})


def test_a_version_that_is_worse_in_many_classes_is_told_and_so_are_the_classes():
    lenet, rates = REFERENCES["LeNet"], np.full(200, 0.1)
    other = rates.copy()
    other[:40] = 1
    found = compare_versions(version(lenet, other, 1), version(lenet, rates, 2))
    assert (found.verdict, found.classes) == ("worse", 200)
    told = {each.name for each in found.changes if each.verdict == "worse"}
    assert len(told & {f"class {n}" for n in range(40)}) >= 30
    assert len(told - {f"class {n}" for n in range(40)}) <= 4
    (better,) = {compare_versions(version(lenet, rates, 2), version(lenet, other, 1)).verdict}
    assert better == "better"


def test_two_equal_versions_are_within_chance():
    lenet = REFERENCES["LeNet"]
    rates = np.random.default_rng(0).random(200)
    cards = [version(lenet, rates, seed, seeds=3) for seed in range(1, 41)]
    pairs = zip(cards[::2], cards[1::2], strict=True)
    found = [compare_versions(one, other).verdict for one, other in pairs]
    assert found.count("within chance") >= 19


def test_a_file_that_is_no_card_is_refused(tmp_path):
    file = tmp_path / "card.json"
    file.write_text('{"format": "neatfool audit 1"}')
    with pytest.raises(ExperimentError, match="is no card of this version"):
        read_card(file)


def test_images_that_a_known_network_names_rightly_too_often_are_told():
    card = REFERENCES["efficientnet-lite0"]
    (known, *others) = card.acceptance.kinds
    assert [*check_known_images(card, [card])] == []
    easier = known.model_copy(update={"images": 750, "right": 0.97})
    acceptance = card.acceptance.model_copy(update={"kinds": [easier, *others]})
    (told,) = check_known_images(card.model_copy(update={"acceptance": acceptance}), [card])
    assert "it names 97.0 % rightly and not 88.3 %" in told
