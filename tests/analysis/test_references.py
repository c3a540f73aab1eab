"""Known networks beside a card, and what is said of that."""

from __future__ import annotations

import pytest

from neatfool.analysis.card import Card, Counts, Shares
from neatfool.analysis.references import put_beside, read_references

REFERENCES = {card.name: card for card in read_references()}


def changed(card, **keys):
    return Card.model_validate(card.model_dump() | keys)


def test_the_packaged_cards_have_the_standard_budget_and_name_no_place_of_their_maker():
    assert "LeNet" in REFERENCES
    for card in REFERENCES.values():
        assert [card.images, card.seeds] == [12_000, [1, 2, 3]]
        assert all(run.path.startswith("runs/") for run in card.runs)


def test_a_card_beside_itself_is_comparable_and_equal():
    lenet = REFERENCES["LeNet"]
    (beside,) = put_beside(lenet, [lenet])
    assert beside.differs == []
    assert beside.ours == beside.theirs == lenet.median.median
    assert changed(lenet, beside=[beside]).verdict() == "It is about as easily fooled as LeNet."


def test_a_smaller_budget_is_compared_where_it_ends():
    lenet = REFERENCES["LeNet"]
    short = [moment for moment in lenet.course if moment.images <= 1000]
    (beside,) = put_beside(changed(lenet, images=1000, course=short), [lenet])
    assert [beside.images, beside.differs] == [1000, []]
    assert beside.theirs == short[-1].median < lenet.median.median


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


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.5, 0.6, "more easily fooled than"), (0.0, 0.1, "less easily"), (0.1, 0.4, "about as")],
)
def test_the_verdict_needs_ranges_that_do_not_overlap(low, high, said):
    lenet = REFERENCES["LeNet"]
    (beside,) = put_beside(lenet, [lenet])
    other = beside.model_copy(update={"lowest": 0.2, "highest": 0.4, "theirs": 0.3})
    card = changed(lenet, median=Shares.of([low, high]), beside=[other])
    assert said in card.verdict()


@pytest.mark.parametrize(
    ("values", "median", "said"),
    [
        ([100, 300, 200], 200, "200 (100 to 300)"),
        ([100, None, 200], 200, "200 (100 to not reached)"),
        ([100, None, None], None, "not reached by most seeds (by 1 it was)"),
        ([None, None], None, "not reached"),
        ([100, None], None, "not reached by most seeds (by 1 it was)"),
    ],
)
def test_what_was_not_reached_is_later_than_what_was(values, median, said):
    counts = Counts.of(values)
    assert counts.median == median
    assert str(counts) == said
