"""The scheme ``map_elites``: who breeds, who takes a niche, and that a killed search goes on."""

import json
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neatfool import ImageSpec, Scores, rank
from neatfool.testing import TOY_SPEC, ToyEncoding, ToyTarget, check_plugin
from neatfool_plugins.map_elites import MapElites, Options

CLASSES = ("ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen", "ibex", "jay")


class Diary(ToyEncoding):
    """Genomes that are their seeds, and a note of every group of parents."""

    def __init__(self, parents=1):
        self.parents = parents
        self.parent_groups = []
        self.seeds = []

    def create(self, seeds):
        self.seeds += seeds
        return [("made", seed) for seed in seeds]

    def breed(self, parent_groups, seeds):
        self.parent_groups += [list(parent_group) for parent_group in parent_groups]
        self.seeds += seeds
        return [("bred", seed) for seed in seeds]


def scheme(*, parents=1, seed=1, classes=CLASSES, encoding=None, **options):
    spec = ImageSpec(height=2, width=2, channels=1, classes=classes)
    return MapElites(Options(**options), encoding=encoding or Diary(parents), spec=spec, seed=seed)


def learning(spec=TOY_SPEC, *, target=None, encoding=None, seed=1, **options):
    """A search in which every second image or so is learnt."""
    usual = {"batch": 9, "initial": 14, "learn": 0.5, "learn_steps": 2, "learn_at_once": 2}
    return MapElites(
        Options(**{**usual, "learn_after": 5, **options}),
        encoding=encoding or ToyEncoding(spec),
        spec=spec,
        seed=seed,
        target=target or ToyTarget(spec),
    )


def scores(probs, ok=None):
    probs = np.array(probs, dtype=float)
    return Scores(probs, ok=np.ones(len(probs), bool) if ok is None else np.array(ok))


def worthless(candidates, classes):
    """Scores that replace nobody."""
    return scores(np.zeros((len(candidates), classes)))


def held_by(holders, ranks=None, **options):
    """A search whose class c is held by candidate holders[c], with the confidence ranks[c]."""
    search = scheme(classes=CLASSES[: len(holders)], initial=max(holders) + 1, **options)
    candidates = list(search.ask())
    probs = np.zeros((len(candidates), len(holders)))
    probs[holders, np.arange(len(holders))] = ranks or np.full(len(holders), 0.5)
    search.tell(candidates, scores(probs))
    assert search.archive.candidate_ids.tolist() == holders
    return search


def children(search, generations=1):
    """The children of some generations in which no elite is replaced."""
    for _ in range(generations):
        candidates = list(search.ask())
        search.tell(candidates, worthless(candidates, len(search.archive.ranks)))
        yield candidates


def noise(candidates):
    """A target of no sense: logits that depend on the genome alone; every ninth image fails."""
    draws = [np.random.default_rng(candidate.genome[1]) for candidate in candidates]
    logits = np.array([draw.normal(0, 3, len(CLASSES)) for draw in draws])
    odds = np.exp(logits)
    ok = np.array([candidate.id % 9 != 4 for candidate in candidates])
    return Scores(odds / odds.sum(1, keepdims=True), logits, ok)


# --- the contract


def test_it_keeps_the_contract_of_schemes_while_it_learns():
    check_plugin(
        "scheme", lambda encoding, spec, seed: learning(spec, encoding=encoding, seed=seed)
    )


# --- who breeds


def expect_shares(counts, shares):
    """The counts are those of independent draws with these chances, within five sigma."""
    total = sum(counts.values())
    assert set(counts) <= set(shares)
    for what, share in shares.items():
        sigma = np.sqrt(total * share * (1 - share))
        assert abs(counts[what] - total * share) < 5 * sigma, what


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_an_elite_is_a_parent_as_often_as_it_holds_niches(seed):
    search = held_by([0, 0, 1, 0, 0, 2, 0, 1, 0, 0], batch=300, seed=seed)
    parent_groups = [child.parents for born in children(search, 10) for child in born]
    expect_shares(Counter(parent_groups), {(0,): 0.7, (1,): 0.2, (2,): 0.1})


def test_both_parents_are_drawn_alike_and_may_be_the_same():
    search = held_by([0, 0, 0, 1, 2], ranks=[0.5] * 5, batch=300, parents=2)
    parent_groups = [frozenset(child.parents) for born in children(search, 10) for child in born]
    shares = {(0,): 9, (1,): 1, (2,): 1, (0, 1): 6, (0, 2): 6, (1, 2): 2}
    expect_shares(Counter(parent_groups), {frozenset(ids): n / 25 for ids, n in shares.items()})


def test_focus_draws_classes_that_are_not_certain_so_many_times_as_often():
    search = held_by([0, 1, 2, 3], ranks=[0.99995, 0.9, 0.9999, 0.1], batch=300, focus=4)
    parent_groups = [child.parents for born in children(search, 10) for child in born]
    expect_shares(Counter(parent_groups), {(0,): 0.1, (1,): 0.4, (2,): 0.1, (3,): 0.4})


def test_immigrants_are_random_and_the_others_of_a_generation_are_bred():
    diary = Diary()
    search = held_by([0, 1], batch=10, immigrants=0.3, encoding=diary)
    born = [candidate for generation in children(search, 3) for candidate in generation]
    assert [child.id for child in born] == [*range(2, 32)]
    assert [bool(child.parents) for child in born] == 3 * (3 * [False] + 7 * [True])
    assert {child.genome[0] for child in born if not child.parents} == {"made"}
    assert len({*diary.seeds}) == 32


def test_a_new_elite_breeds_and_a_replaced_one_no_longer():
    search = held_by([0, 0, 1], batch=60)
    born = list(search.ask())
    probs = np.zeros((60, 3))
    probs[7] = [0.6, 0.6, 0]
    search.tell(born, scores(probs))
    assert {child.parents for child in list(search.ask())} == {(born[7].id,), (1,)}


def test_children_are_bred_from_the_genomes_of_their_parents():
    diary = Diary(parents=2)
    search = held_by([0, 1, 2, 2], batch=50, encoding=diary, ranks=[0.1, 0.2, 0.3, 0.4])
    genomes = {id_: candidate.genome for id_, candidate in search.archive.candidates.items()}
    born = list(search.ask())
    for child, parent_group in zip(born, diary.parent_groups, strict=True):
        assert len(parent_group) == 2
        assert list(dict.fromkeys(parent_group)) == [genomes[id_] for id_ in child.parents]


def test_the_fitter_of_two_parents_comes_first():
    ranks = [0.3, 0.9, 0.1, 0.7, 0.5]
    search = held_by([0, 1, 2, 3, 4], ranks=ranks, batch=200, parents=2)
    pairs = {child.parents for child in list(search.ask()) if len(child.parents) == 2}
    assert pairs == {(a, b) for a in range(5) for b in range(5) if ranks[a] > ranks[b]}


def test_the_fitter_is_so_in_the_niches_that_the_two_were_drawn_for():
    search = held_by([0, 0, 0, 1], ranks=[0.9, 0.8, 0.1, 0.5], batch=400, parents=2)
    parent_groups = [child.parents for born in children(search, 10) for child in born]
    shares = {(0,): 9 / 16, (1,): 1 / 16, (0, 1): 4 / 16, (1, 0): 2 / 16}
    expect_shares(Counter(parent_groups), shares)


# --- how many, and their numbers


def test_the_first_generation_has_a_batch_if_nothing_else_is_said():
    assert len(list(scheme(batch=7).ask())) == 7
    assert len(list(scheme().ask())) == scheme().batch == 200


def test_when_nothing_got_a_score_it_begins_anew_with_other_genomes():
    search = scheme(batch=4, initial=6)
    first = list(search.ask())
    assert search.tell(first, scores(np.zeros((6, 10)), ok=[False] * 6)) == []
    second = list(search.ask())
    assert [candidate.id for candidate in second] == [*range(6, 12)]
    assert all(candidate.parents == () and candidate.generation == 1 for candidate in second)
    assert not {c.genome for c in first} & {c.genome for c in second}
    search.tell(second, scores(np.full((6, 10), 0.1), ok=[False, False, True] + [False] * 3))
    assert [child.parents for child in list(search.ask())] == [(8,)] * 4


# --- who takes which niche


def test_a_child_takes_every_class_it_is_better_in_not_only_its_best():
    search = held_by([0, 0, 1], ranks=[0.3, 0.5, 0.2], batch=2)
    replaced = search.tell(list(search.ask()), scores([[0.31, 0.1, 0.9], [0.0, 0.51, 0.0]]))
    assert search.archive.candidate_ids.tolist() == [2, 3, 2]
    assert [(r.elite.class_index, r.elite.candidate.id, r.previous) for r in replaced] == [
        (0, 2, 0),
        (1, 3, 0),
        (2, 2, 1),
    ]


@pytest.mark.parametrize("scores_at_once", [1, 4, 100])
def test_of_equal_children_the_first_takes_the_niche(monkeypatch, scores_at_once):
    monkeypatch.setattr("neatfool.spec.archive.SCORES_AT_ONCE", scores_at_once)
    search = held_by([0, 1], ranks=[0.3, 0.5], batch=4)
    search.tell(list(search.ask()), scores([[0.1, 0.7], [0.6, 0.7], [0.6, 0.7], [0.6, 0.1]]))
    assert search.archive.candidate_ids.tolist() == [3, 2]


@given(st.integers(0, 2**32), st.integers(1, 2))
def test_it_ends_as_inserting_one_candidate_after_another_ends(seed, parents):
    search = scheme(batch=5, initial=8, parents=parents, seed=seed)
    holders, best = [-1] * len(CLASSES), [-np.inf] * len(CLASSES)
    for _ in range(4):
        candidates = list(search.ask())
        told = noise(candidates)
        for candidate, row in zip(candidates, rank(told), strict=True):
            for niche, value in enumerate(row):
                if value > best[niche]:
                    holders[niche], best[niche] = candidate.id, value
        search.tell(candidates, told)
    assert search.archive.candidate_ids.tolist() == holders
    assert search.archive.ranks.tolist() == best


# --- only some classes


def only(named, **options):
    spec = ImageSpec(height=2, width=2, channels=1, classes=CLASSES[:4])
    return MapElites(Options(classes=named, **options), encoding=Diary(), spec=spec, seed=1)


def test_only_the_niches_of_the_classes_that_are_named_are_searched():
    search = only(["dog", "1", "dog"], batch=30, initial=4)
    assert search.archive.classes.tolist() == [1, 3]
    replaced = search.tell(list(search.ask()), scores(np.eye(4)))
    assert [r.elite.class_index for r in replaced] == [1, 3]
    assert search.archive.candidate_ids.tolist() == [-1, 1, -1, 3]
    assert {child.parents for child in list(search.ask())} == {(1,), (3,)}


# --- where chance comes from


def history(search, generations=6):
    """All that a search does in some generations."""
    done = []
    for _ in range(generations):
        candidates = list(search.ask())
        done.append((candidates, search.tell(candidates, noise(candidates))))
    return done


def test_a_candidate_is_bred_from_a_seed_of_its_own_whatever_the_batch():
    diaries = [Diary(), Diary(), Diary()]
    for diary, seed, batch in zip(diaries, [1, 1, 2], [9, 12, 9], strict=True):
        history(scheme(encoding=diary, seed=seed, batch=batch, initial=9))
    narrow, wide, other = (diary.seeds for diary in diaries)
    assert len(set(narrow)) == len(narrow) == 9 * 6
    assert wide[: len(narrow)] == narrow
    assert not set(narrow) & set(other)


# --- going on after a kill


def restored(search, **how):
    """What a new process makes of a search's state and elites."""
    other = scheme(**how)
    for elite in search.archive.elites():
        other.archive.place(elite)
    other.restore(json.loads(json.dumps(search.state())), dict(search.archive.candidates))
    return other


@pytest.mark.parametrize("parents", [1, 2])
def test_killed_after_any_generation_it_goes_on_to_the_bit(parents):
    how = {"parents": parents, "batch": 9, "initial": 14, "immigrants": 0.3, "focus": 5}
    undisturbed = history(scheme(**how), 10)
    for generation in range(10):
        killed = scheme(**how)
        history(killed, generation)
        assert history(restored(killed, **how), 10 - generation) == undisturbed[generation:]


# --- learning


def generations_of(search, count):
    """The candidates of some generations, each with the scores that the toy target gives it."""
    for _ in range(count):
        candidates = list(search.ask())
        given = ToyTarget().score(ToyEncoding().render([each.genome for each in candidates]))
        yield candidates
        search.tell(candidates, Scores(given.probs, given.logits, np.ones(len(candidates), bool)))


def test_a_share_of_the_images_is_for_learning():
    search = learning(learn=0.4, learn_after=0)
    bred = learnt = 0
    for candidates in generations_of(search, 60):
        bred += len(candidates[:9]) if candidates[0].generation else len(candidates)
        learnt += sum(each.evaluations for each in candidates[9:] if candidates[0].generation)
    assert learnt / (bred + learnt) == pytest.approx(0.4, abs=0.03)


def test_there_is_no_learning_before_its_time():
    """104 images are bred by generation 10, and a group of four refinements costs 32."""
    sizes = [len(candidates) for candidates in generations_of(learning(learn_after=20), 14)]
    assert sizes == [14] + 12 * [9] + [13]


def test_an_elite_is_learnt_on_once_and_those_first_that_were_least_often():
    search = learning(learn=0.8, learn_after=0)
    learnt_on, before = {}, np.zeros(len(search.archive.ranks), int)
    for _ in generations_of(search, 40):
        learnt = {number: (id_, count) for number, id_, count in search.state()["learnt_on"]}
        refinements = np.array([learnt.get(number, (-1, 0))[1] for number in range(len(before))])
        chosen = np.flatnonzero(refinements > before)
        for number in chosen:
            assert learnt_on.get(number) != search.archive.candidate_ids[number]
        if not before.all():
            assert len(chosen) in (0, 4, 5)
            assert refinements.max() - refinements.min() <= 1
        learnt_on, before = {number: id_ for number, (id_, _) in learnt.items()}, refinements
    assert before.all()


def test_a_certain_class_needs_no_learning():
    search = learning(learn=0.8, learn_after=0)
    for _ in generations_of(search, 3):
        pass
    search.archive.scores[:] = 0.99995
    assert [len(list(search.ask())) for _ in range(20)] == [9] * 20
