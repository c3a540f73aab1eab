"""Classes of two networks are found by their names."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool import ImageSpec, Scores, Target, analysis, fool
from neatfool.measure.matching import match_classes
from neatfool_plugins.audit.measure import audit


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
    assert match_classes(["crane", "crane"], ["crane", "crane"]) == {0: 0, 1: 1}


class Cranes(Target):
    """Has two classes of one name: of an image that is bright above, and of one that is below."""

    spec = ImageSpec(8, 8, 1, ("crane", "owl", "crane"))

    def score(self, images):
        rows = np.asarray(images, np.float64)[:, 0].mean(2) / 255
        logits = 9 * np.stack([rows[:, 0], 1 - rows.mean(1), rows[:, 7]], 1)
        probs = np.exp(logits - logits.max(1, keepdims=True))
        return Scores(probs / probs.sum(1, keepdims=True), logits)


def test_two_classes_of_one_name_are_told_apart_by_their_index(tmp_path):
    few = {"generations": 12, "scheme_options": {"batch": 20}, "progress": False}
    run = fool(Cranes(), image=(1, 8, 8), classes=Cranes.spec.classes, out=tmp_path / "run", **few)
    recorded = pytest.approx([elite.confidence for elite in run])
    (survived,) = analysis.survive(run, kinds=["jpeg=75"]).runs
    assert survived.as_saved.confidences == recorded
    assert [each.saved.confidence for each in analysis.ablate(run, tiles=2).elites] == recorded
    (fooling,) = analysis.transfer(run).runs
    found = {image.index: image.networks[0].confidence for image in fooling.classes}
    assert [found[index] for index in range(3)] == recorded
    pictures = audit([run], sample=2).pictures
    assert {index: png for index, (png, _) in pictures.items()} == {e.index: e.png for e in run}
    assert analysis.ancestry(run).runs[0].elites == 3


@given(st.lists(st.text(max_size=4), unique=True), st.lists(st.text(max_size=4), unique=True))
def test_nothing_is_found_twice_and_equal_names_are_always_found(ours, theirs):
    found = match_classes(ours, theirs)
    assert len({*found.values()}) == len(found)
    for index, name in enumerate(ours):
        if name in theirs:
            assert found[index] == theirs.index(name)
