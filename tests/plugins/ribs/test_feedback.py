"""What emitters learn of their candidates: exact improvements."""

import numpy as np
import pytest

from neatfool import Archive, Candidate, Scores, rank
from neatfool_plugins.ribs.scheme import judge


def scores(logits, ok=None):
    logits = np.array(logits, np.float64)
    weights = np.exp(logits - logits.max(1, keepdims=True))
    ok = np.ones(len(logits), bool) if ok is None else np.array(ok)
    return Scores(weights / weights.sum(1, keepdims=True), logits, ok)


def archive_of(*logits):
    archive = Archive(3)
    archive.offer([Candidate(n, None) for n in range(len(logits))], scores(logits))
    return archive


def test_value_is_the_largest_gain_over_all_niches():
    archive = archive_of([2, 0, 0])
    shown = scores([[3, 0, 0], [1, 0, 0], [0, 4, 0]])
    found = judge(archive, shown)
    assert found[:, 0].tolist() == [1, 1, 1]
    assert found[:, 1] == pytest.approx((rank(shown) - archive.ranks).max(1))
    # The second is worse at "a", and so better than the elite at the others.
    assert found[:, 1][1] == pytest.approx(rank(shown)[1, 1] - archive.ranks[1])


def test_what_is_nowhere_better_has_no_status_and_a_negative_value():
    archive = archive_of([3, 0, 0], [0, 3, 0], [0, 0, 3])
    found = judge(archive, scores([[1, 0, 0], [3, 0, 0]]))
    assert found[:, 0].tolist() == [0, 0]
    assert found[:, 1][0] < 0
    assert found[:, 1][1] == 0


def test_the_first_image_of_a_class_is_new():
    found = judge(Archive(3), scores([[1, 0, 0]]))
    assert found[:, 0].tolist() == [2]
    assert found[:, 1] == pytest.approx(rank(scores([[1, 0, 0]])).max(1))


def test_a_refused_image_teaches_finite_numbers_and_no_improvement():
    shown = scores([[1, 0, 0], [2, 0, 0]], ok=[False, True])
    broken = Scores(np.array([[np.nan] * 3, shown.probs[1]]), None, shown.ok)
    for each in (shown, broken):
        found = judge(Archive(3), each)
        assert found[:, 0].tolist() == [0, 2]
        assert np.isfinite(found[:, 1]).all()
