"""Classes of two networks are found by their names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool.analysis.common import match_classes


def matched(ours, theirs):
    return {ours[one]: theirs[other] for one, other in match_classes(ours, theirs).items()}


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("school bus", "school bus"),
        ("School_Bus", "school bus"),
        ("tench", "tench, Tinca tinca"),
        ("great white shark, white shark", "white_shark"),
        ("tabby, tabby cat", "Tabby_Cat, tabby"),
    ],
)
def test_case_underscores_and_further_synonyms_do_not_matter(ours, theirs):
    assert matched(["x", ours], [theirs, "y"]) == {ours: theirs}
    assert matched([theirs, "y"], ["x", ours]) == {theirs: ours}


def test_names_that_differ_in_case_or_share_a_synonym_stay_apart():
    torchvision = ["Cardigan", "maillot", "tank suit", "cardigan", "sunglass", "sunglasses"]
    full = [
        "sunglasses, dark glasses, shades",
        "cardigan",
        "Cardigan, Cardigan Welsh corgi",
        "sunglass",
        "maillot, tank suit",
        "maillot",
    ]
    expected = {
        "Cardigan": "Cardigan, Cardigan Welsh corgi",
        "maillot": "maillot",
        "tank suit": "maillot, tank suit",
        "cardigan": "cardigan",
        "sunglass": "sunglass",
        "sunglasses": "sunglasses, dark glasses, shades",
    }
    assert matched(torchvision, full) == expected
    assert matched(full, torchvision) == {theirs: ours for ours, theirs in expected.items()}


def test_what_could_be_several_is_none():
    assert matched(["crane"], ["crane, bird", "crane, machine"]) == {}
    assert matched(["CRANE", "Crane"], ["crane"]) == {}


@given(st.lists(st.text(max_size=4), unique=True), st.lists(st.text(max_size=4), unique=True))
def test_nothing_is_found_twice_and_equal_names_are_always_found(ours, theirs):
    found = match_classes(ours, theirs)
    assert len({*found.values()}) == len(found)
    for index, name in enumerate(ours):
        if name in theirs:
            assert found[index] == theirs.index(name)
