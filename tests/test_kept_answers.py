import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neatfool import ImageSpec, Labels, Scores, TargetError
from neatfool.budget import REFUSED, read_answers, write_answers
from neatfool.scoring.labels import check_labels

OPEN = ImageSpec(2, 2, 1, (), open=True)
FIXED = ImageSpec(2, 2, 1, ("cat", "dog"))


def spec(letters):
    return ImageSpec(2, 2, 1, (*letters,))


probabilities = arrays(np.float32, (3, 4), elements=st.floats(0, 1, width=32))
logits = arrays(np.float32, (3, 4), elements=st.floats(-(2.0**60), 2.0**60, width=32))


@given(probabilities, logits, arrays(np.bool_, 3))
def test_scores_are_read_to_the_bit(probs, logits, ok):
    back = read_answers(write_answers(Scores(probs, logits, ok)), [*"abcd"], spec("abcd"))
    assert (back.ok == ok).all()
    assert back.probs.dtype == np.float32 or not ok.any()
    assert (back.probs[ok] == probs[ok]).all()
    if ok.any():
        assert (back.logits[ok] == logits[ok]).all()


def test_a_logit_for_none_of_the_classes_is_kept():
    given = Scores(np.float32([[0.2, 0.3]]), np.float64([[-2, -1, 0.5]]), np.array([True]))
    back = read_answers(write_answers(given), [*"ab"], spec("ab"))
    assert (back.probs == given.probs).all()
    assert (back.logits == given.logits).all()


def test_refused_answers_are_nothing():
    answer = Scores(np.ones((1, 4)), None, np.array([False]))
    assert write_answers(answer) == [REFUSED]
    assert not read_answers([REFUSED], [*"abcd"], spec("abcd")).ok.any()


names = st.text(min_size=1).filter(str.strip)


@given(st.lists(st.dictionaries(names, st.floats(0, 1), max_size=4), min_size=1, max_size=6))
def test_labels_are_read_to_the_bit(found):
    classes: list[str] = []
    scores = read_answers(
        write_answers(check_labels(Labels(found), len(found), OPEN, "x")), classes, OPEN
    )
    assert set(classes) == {name for each in found for name in each}
    assert len(classes) == len(set(classes))
    for row, each in zip(scores.probs, found, strict=True):
        assert {classes[i]: row[i] for i in np.flatnonzero(row)} == {
            name: value for name, value in each.items() if value
        }


def test_classes_turn_up_in_the_order_of_the_images_the_surest_first():
    classes = ["cat"]
    read_answers(
        write_answers(Labels([{"dog": 0.1, "cow": 0.8}, {"ant": 0.9}], [True, True])), classes, OPEN
    )
    assert classes == ["cat", "cow", "dog", "ant"]


@pytest.mark.parametrize(
    "found",
    [
        {"cow": 0.5},
        {"cat": 1.5},
        {"cat": -0.5},
        {"cat": float("nan")},
        {"cat": "much"},
        {"cat": None},
        None,
    ],
)
def test_labels_that_are_wrong_are_refused(found):
    assert check_labels(Labels([found, {"dog": 0.5}]), 2, FIXED, "x").ok == [False, True]


def test_labels_for_other_images_are_an_error():
    with pytest.raises(TargetError, match="named classes for 1 images, but was given 2"):
        check_labels(Labels([{}]), 2, FIXED, "x")
