"""Known networks and earlier versions beside a card, and what is said of that."""

from __future__ import annotations

import pytest

from neatfool_plugins.audit.card import ReportCard
from neatfool_plugins.audit.references import (
    compare_with_known,
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


def test_a_card_beside_itself_is_as_easily_fooled_and_the_page_says_so():
    lenet = REFERENCES["LeNet"]
    assert compare_with_known(lenet, [lenet]) == ["about as easily fooled as LeNet (100 %)"]
    card = changed(lenet, beside=compare_with_known(lenet, [lenet]))
    assert "It is about as easily fooled as LeNet (100 %)." in card.html().replace("\u00a0", " ")


@pytest.mark.parametrize(
    ("part", "different"),
    [
        ("images", 1000),
        ("search", {"scheme": SCHEME | {"batch": 50}}),
        ("acceptance", {"in_distribution": "10 of photographs"}),
        ("classifier", {"classes": 1000}),
        ("classifier", {"options": {"logit_temperature": 3}}),
    ],
)
def test_other_settings_are_not_compared(part, different):
    lenet = REFERENCES["LeNet"]
    whole = lenet.model_dump()
    whole[part] = whole[part] | different if isinstance(different, dict) else different
    assert compare_with_known(ReportCard.model_validate(whole), [lenet]) == []


def test_without_in_distribution_images_nothing_is_compared():
    lenet = REFERENCES["LeNet"]
    card = changed(lenet, fooled=None)
    assert compare_with_known(card, [lenet]) == []
    assert "Do not compare that with another network's" in card.headline()


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
