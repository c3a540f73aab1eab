import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from neatfool import Archive, Candidate, Elite, ImageSpec, Scores, log_odds, rank
from neatfool.spec import archive as archive_module


def logit_matrices(class_counts):
    shapes = st.tuples(st.integers(1, 8), class_counts)
    return shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=st.floats(-30, 30)))


def softmax(logits):
    weights = np.exp(logits - logits.max(1, keepdims=True))
    return weights / weights.sum(1, keepdims=True)


def candidates(count, first=0, parents=()):
    return [Candidate(first + i, genome=None, parents=parents) for i in range(count)]


@given(logit_matrices(st.integers(2, 6)))
def test_log_odds_are_those_of_the_softmax(logits):
    assert np.allclose(1 / (1 + np.exp(-log_odds(logits))), softmax(logits), rtol=1e-9, atol=1e-14)


def test_logits_that_stand_alone_are_the_ranks():
    logits = np.float32([[3, 4, -2], [30, 40, 50]])
    scores = Scores(1 / (1 + np.exp(-logits)), logits, np.array([True, False]), alone=True)
    assert np.array_equal(rank(scores.part([0])), logits[:1])
    assert np.isneginf(rank(scores)[1]).all()


def test_log_odds_tell_apart_what_a_softmax_cannot():
    logits = np.array([[50.0, 0.0, 0.0], [60.0, 0.0, 0.0], [900.0, 0.0, 0.0]])
    assert (softmax(logits)[:, 0] == 1).all()
    odds = log_odds(logits)[:, 0]
    assert odds[0] < odds[1] < odds[2]
    assert odds[0] == pytest.approx(50 - np.log(2))


def test_the_odds_of_certainty_are_infinite_and_not_nan():
    odds = log_odds(np.array([[0.0, -np.inf, -np.inf], [1.0, 1.0, -np.inf]]))
    assert odds.tolist() == [[np.inf, -np.inf, -np.inf], [0.0, 0.0, -np.inf]]


def inserted_one_by_one(batches, class_count):
    """The paper's loop, as plainly as it can be written."""
    holder = np.full(class_count, -1)
    best = np.full(class_count, -np.inf)
    number = 0
    for ranks in batches:
        for row in ranks:
            for c in range(class_count):
                if row[c] > best[c]:
                    best[c], holder[c] = row[c], number
            number += 1
    return holder, best


@given(st.lists(logit_matrices(st.just(4)), min_size=1, max_size=4))
def test_offering_batches_equals_inserting_one_candidate_after_another(batches):
    archive = Archive(4)
    number = 0
    for logits in batches:
        archive.offer(candidates(len(logits), number), Scores(softmax(logits), logits))
        number += len(logits)
    holder, best = inserted_one_by_one([log_odds(logits) for logits in batches], 4)
    assert archive.candidate_ids.tolist() == holder.tolist()
    assert np.array_equal(archive.ranks, best)
    assert set(archive.candidates) == set(holder.tolist())


def test_refused_rows_take_nothing():
    archive = Archive(2)
    scores = Scores(np.array([[0.9, 0.1], [0.6, 0.4]]), ok=np.array([False, True]))
    archive.offer(candidates(2), scores)
    assert archive.candidate_ids.tolist() == [1, 1]


def test_only_searched_niches_are_filled():
    archive = Archive(4, classes=[1, 3])
    archive.offer(candidates(1), Scores(np.full((1, 4), 0.25)))
    assert [elite.class_index for elite in archive.elites()] == [1, 3]


def test_a_goal_switch_is_a_replacement_by_a_child_of_another_class_elite():
    archive = Archive(2)
    archive.offer(candidates(2), Scores(np.array([[0.6, 0.4], [0.3, 0.7]])))
    (own,) = archive.offer(candidates(1, 2, parents=(0,)), Scores(np.array([[0.7, 0.3]])))
    (other,) = archive.offer(candidates(1, 3, parents=(2,)), Scores(np.array([[0.2, 0.8]])))
    assert not own.goal_switch
    assert other.goal_switch
    assert (own.previous, other.previous) == (0, 1)


def test_a_candidate_is_forgotten_when_it_holds_no_niche():
    archive = Archive(2)
    archive.place(Elite(0, Candidate(7, None), 0.5, 0.0))
    archive.place(Elite(1, Candidate(7, None), 0.5, 0.0))
    archive.place(Elite(0, Candidate(8, None), 0.6, 1.0))
    assert set(archive.candidates) == {7, 8}
    archive.place(Elite(1, Candidate(8, None), 0.6, 1.0))
    assert set(archive.candidates) == {8}


def test_pieces_give_what_the_whole_gives(monkeypatch):
    logits = np.random.default_rng(0).normal(size=(50, 30))
    whole, pieces = Archive(30), Archive(30)
    whole.offer(candidates(50), Scores(softmax(logits), logits))
    monkeypatch.setattr(archive_module, "SCORES_AT_ONCE", 70)
    pieces.offer(candidates(50), Scores(softmax(logits), logits))
    assert np.array_equal(whole.candidate_ids, pieces.candidate_ids)
    assert np.array_equal(whole.ranks, pieces.ranks)


def test_a_hundred_thousand_classes_fit():
    rng = np.random.default_rng(0)
    archive = Archive(100_000)
    for generation in range(2):
        probs = rng.random((50, 100_000), dtype=np.float32)
        archive.offer(candidates(50, 50 * generation), Scores(probs))
    assert (archive.candidate_ids >= 0).all()
    assert len(archive.candidates) <= 100


def test_an_archive_of_a_spec_leaves_out_what_means_nothing_and_grows_by_what_turns_up():
    spec = ImageSpec(4, 4, 1, ("a", "none", "b"), open=True, nothing=("none",))
    archive = Archive.of(spec)
    archive.grow(5)
    assert archive.classes.tolist() == [0, 2, 3, 4]
    named = Archive.of(spec, ["none", "a"])
    named.grow(5)
    assert named.classes.tolist() == [0, 1]
