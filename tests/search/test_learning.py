"""Learning: what a refinement does, what it counts for, and how many there are."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from neatfool import Candidate, ExperimentError, Learner, LearningOptions, log_odds
from neatfool.search.learning import BACKWARDS, FORWARDS, Ascent
from neatfool.spec.target import Target
from neatfool.testing import TOY_SPEC, ToyEncoding, ToyTarget


def learner(target=None, encoding=None, classes=1, **options):
    options = LearningOptions(**{"learn": 0.5, "learn_after": 0, **options})
    return Learner(
        options,
        encoding=encoding or ToyEncoding(),
        target=target or ToyTarget(),
        classes=classes,
    )


def candidates(count=6):
    return [Candidate(id_, genome) for id_, genome in enumerate(ToyEncoding().create(range(count)))]


def taught(teacher, pairs, first_id=100):
    return list(teacher.learn(pairs, first_id=first_id, generation=7))


def odds(genomes, classes):
    images = ToyEncoding().render(genomes).numpy()
    ranks = log_odds(ToyTarget().score(images).logits)
    return ranks[np.arange(len(genomes)), classes]


PAIRS = list(zip(candidates(), [0, 1, 2, 3, 4, 0], strict=True))


def test_a_refinement_makes_the_class_more_likely():
    before = odds([parent.genome for parent, _ in PAIRS], [number for _, number in PAIRS])
    children = taught(learner(learn_steps=15), PAIRS)
    after = odds([child.genome for child in children], [number for _, number in PAIRS])
    assert (after > before + 1).all()


def test_the_learnt_are_children_of_what_they_learnt_on():
    children = taught(learner(), PAIRS)
    assert [child.id for child in children] == [*range(100, 106)]
    assert [child.parents for child in children] == [(parent.id,) for parent, _ in PAIRS]
    assert {child.generation for child in children} == {7}


def test_a_call_of_the_target_is_counted_with_its_first_child():
    class Counting(ToyTarget):
        calls = ()

        def logits_of(self, images):
            self.calls = (*self.calls, len(images))
            return super().logits_of(images)

    target = Counting()
    children = taught(learner(target, learn_at_once=4, learn_steps=3), PAIRS)
    assert sorted(target.calls) == [2] * 4 + [4] * 4
    passes = 4 * FORWARDS + 3 * BACKWARDS
    assert [child.evaluations for child in children] == [
        1 + 4 * passes, 1, 1, 1, 1 + 2 * passes, 1,
    ]  # fmt: skip


def test_what_is_learnt_does_not_depend_on_the_number_of_cores():
    before = torch.get_num_threads()
    found = []
    for cores in (1, 2):
        torch.set_num_threads(cores)
        try:
            found.append(taught(learner(learn_at_once=2), PAIRS))
        finally:
            torch.set_num_threads(before)
    assert found[0] == found[1]


def test_without_anything_to_learn_on_there_is_nothing():
    assert taught(learner(), []) == []


# --- how many


def spent(teacher, generations, *, batch=100, of=1000, images=0):
    """The share of the images that some generations spend on learning."""
    learnt = 0
    for _ in range(generations):
        learnt += teacher.due(batch, of) * (teacher.cost + 1)
    return learnt / (learnt + generations * batch + images)


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
@pytest.mark.parametrize("steps", [1, 20])
def test_a_share_of_the_images_is_spent(share, steps):
    teacher = learner(learn=share, learn_steps=steps)
    assert spent(teacher, 5000) == pytest.approx(share, rel=0.02)


def test_a_refinement_waits_until_the_calls_are_full():
    teacher = learner(learn=0.5, learn_steps=10, learn_at_once=4)
    due = [teacher.due(50, 100) for _ in range(60)]
    assert set(due) == {0, 8}
    assert due.index(8) == -(-8 * (teacher.cost + 1) // 50) - 1


def test_what_could_not_be_spent_is_not_made_up_for():
    teacher = learner(learn=0.5, learn_steps=1, learn_at_once=1)
    for _ in range(100):
        assert teacher.due(1000, 0) == 0
    assert teacher.due(0, 1000) <= 2


def test_a_search_is_bred_for_a_while_before_there_is_learning():
    teacher = learner(classes=10, learn=0.5, learn_steps=1, learn_at_once=1, learn_after=8)
    assert [teacher.due(39, 1000) for _ in range(2)] == [0, 0]
    assert teacher.due(2, 1000) == 0
    assert teacher.due(39, 1000) > 0


def test_a_state_goes_on():
    one, other = learner(learn=0.3), learner(learn=0.3)
    for _ in range(7):
        one.due(37, 100)
    other.restore(one.state())
    assert [one.due(37, 100) for _ in range(50)] == [other.due(37, 100) for _ in range(50)]


# --- what cannot be


class Opaque(Target):
    spec = TOY_SPEC

    def score(self, images):
        raise NotImplementedError


class Fixed:
    parents = 1


def test_a_target_without_gradients_is_refused_in_words():
    with pytest.raises(ExperimentError, match=r"gives no gradients.*leave out learn"):
        learner(Opaque())


def test_an_encoding_without_parameters_is_refused_in_words():
    with pytest.raises(ExperimentError, match=r"no parameters.*cppn"):
        learner(encoding=Fixed())


@pytest.mark.parametrize(
    "options", [{"learn": -0.1}, {"learn": 1}, {"learn_steps": 0}, {"learn_rate": 0}]
)
def test_an_impossible_option_is_refused(options):
    with pytest.raises(ValidationError):
        LearningOptions(**options)


# --- the steps


def test_equally_sensitive_parameters_take_the_steps_of_adam():
    draw = np.random.default_rng(0)
    slopes = draw.normal(0, 1, (30, 5)) * [1e-6, 1e-3, 1, 1e3, 0]
    numbers = torch.zeros(5, dtype=torch.float64, requires_grad=True)
    theirs = torch.optim.Adam([numbers], lr=0.1, betas=(0.5, 0.9), eps=1e-12, maximize=True)
    ours, place = Ascent(0.1, 5), np.zeros(5)
    for slope in slopes:
        numbers.grad = torch.from_numpy(slope.copy())
        theirs.step()
        place += ours.step(slope, np.ones(5))
        assert place == pytest.approx(numbers.detach().numpy(), rel=2e-3)


def test_a_parameter_that_changes_the_image_ten_times_as_much_moves_a_tenth():
    moves = Ascent(0.5, 3).step(np.array([3.0, 3.0, -7.0]), np.array([1.0, 100.0, 4.0]))
    assert moves == pytest.approx([0.5, 0.05, -0.25], rel=2e-3)


def test_what_changes_nothing_does_not_move_far():
    moves = Ascent(0.5, 2).step(np.array([0.0, 1e-9]), np.zeros(2))
    assert moves[0] == 0
    assert np.isfinite(moves).all()


def test_the_best_of_the_way_is_kept():
    """Steps so large that the way leads up and down."""
    parents = [(parent, 1) for parent in candidates()]
    children = {
        steps: taught(learner(learn_steps=steps, learn_rate=150), parents) for steps in (1, 2, 6)
    }
    reached = [odds([child.genome for child in children[n]], [1] * 6) for n in (1, 2, 6)]
    assert (reached[1] >= reached[0] - 1e-6).all()
    assert (reached[2] >= reached[1] - 1e-6).all()
    assert (reached[2] == reached[0]).any()
