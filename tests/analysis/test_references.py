"""Known networks and earlier versions beside a card, and what is said of that."""

from __future__ import annotations

import numpy as np
import pytest

from neatfool import ExperimentError
from neatfool.analysis.card import Card
from neatfool.analysis.references import (
    compare_versions,
    put_beside,
    read_card,
    read_references,
)

REFERENCES = {card.name: card for card in read_references()}


def changed(card, **keys):
    return Card.model_validate(card.model_dump() | keys)


def test_the_packaged_cards_have_the_standard_budget_and_name_no_place_of_their_maker():
    assert "LeNet" in REFERENCES
    for card in REFERENCES.values():
        assert [card.images, card.seeds] == [12_000, [1, 2, 3]]
        assert all(run.path.startswith("runs/") for run in card.runs)
        assert "/" not in str(card.acceptance.in_distribution)
        assert card.fooled is not None


def test_a_card_beside_itself_is_comparable_and_equal():
    lenet = REFERENCES["LeNet"]
    (beside,) = put_beside(lenet, [lenet])
    assert beside.differs == []
    assert lenet.fooled is not None
    assert beside.ours == beside.theirs == np.median(lenet.fooled.by_seed)
    assert changed(lenet, beside=[beside]).verdict() == "It is about as easily fooled as LeNet."


def test_a_smaller_budget_is_compared_where_it_ends():
    lenet = REFERENCES["LeNet"]
    short = [moment for moment in lenet.course if moment.images <= 1000]
    (beside,) = put_beside(changed(lenet, images=1000, course=short), [lenet])
    assert [beside.images, beside.differs] == [1000, []]
    assert beside.theirs == short[-1].fooled


def test_a_network_whose_course_begins_later_does_not_stand_beside():
    lenet = REFERENCES["LeNet"]
    early = [moment for moment in lenet.course if moment.images <= 200]
    short = changed(lenet, images=200, course=early)
    late = changed(lenet, name="late", course=lenet.course[len(early) :])
    assert [each.name for each in put_beside(short, [lenet, late])] == ["LeNet"]


def test_another_search_or_other_classes_are_said_to_differ():
    lenet = REFERENCES["LeNet"]
    search = lenet.search | {"scheme": lenet.search["scheme"] | {"batch": 50}}
    classifier = lenet.classifier.model_dump() | {"classes": 1000}
    card = changed(lenet, search=search, classifier=classifier)
    (beside,) = put_beside(card, [lenet])
    assert beside.differs == ["1,000 classes and not 10", "[scheme] batch = 50 and not 200"]
    assert changed(card, beside=[beside]).verdict() == ""


def test_without_in_distribution_images_nothing_is_compared():
    lenet = REFERENCES["LeNet"]
    blind = [moment.model_copy(update={"fooled": None}) for moment in lenet.course]
    card = changed(lenet, course=blind, fooled=None)
    (beside,) = put_beside(card, [lenet])
    assert beside.differs == ["no in-distribution images"]
    assert card.verdict() == ""
    assert "Do not compare that with another network's" in card.headline()
    assert "in uniform noise" in card.headline()


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.5, 0.6, "more easily fooled than"), (0.0, 0.1, "less easily"), (0.1, 0.4, "about as")],
)
def test_the_verdict_needs_ranges_that_do_not_overlap(low, high, said):
    lenet = REFERENCES["LeNet"]
    assert lenet.fooled is not None
    (beside,) = put_beside(lenet, [lenet])
    other = beside.model_copy(update={"lowest": 0.2, "highest": 0.4, "theirs": 0.3})
    fooled = lenet.fooled.model_copy(update={"by_seed": [low, high]})
    assert said in lenet.model_copy(update={"fooled": fooled, "beside": [other]}).verdict()


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
    found = compare_versions(version(lenet, other, 1), version(lenet, rates, 2), [])
    assert (found.verdict, found.classes) == ("worse", 200)
    told = {each.name for each in found.changes if each.verdict == "worse"}
    assert len(told & {f"class {n}" for n in range(40)}) >= 30
    assert len(told - {f"class {n}" for n in range(40)}) <= 4
    (better,) = {compare_versions(version(lenet, rates, 2), version(lenet, other, 1), []).verdict}
    assert better == "better"


def test_two_equal_versions_are_within_chance():
    lenet = REFERENCES["LeNet"]
    rates = np.random.default_rng(0).random(200)
    cards = [version(lenet, rates, seed, seeds=3) for seed in range(1, 41)]
    pairs = zip(cards[::2], cards[1::2], strict=True)
    found = [compare_versions(one, other, []).verdict for one, other in pairs]
    assert found.count("within chance") >= 19


def test_a_file_that_is_no_card_is_refused(tmp_path):
    file = tmp_path / "card.json"
    file.write_text('{"format": "neatfool audit 1"}')
    with pytest.raises(ExperimentError, match="is no card of this version"):
        read_card(file)
