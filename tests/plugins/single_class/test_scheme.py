"""The scheme ``single_class``: who lives on, who breeds, and that a killed search goes on."""

import json
import logging
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from neatfool import Candidate, GenomeSize, ImageSpec, Scores
from neatfool.testing import ToyEncoding
from neatfool_plugins.single_class import Options, SingleClass
from neatfool_plugins.single_class.selection import Member, RankSelection, Reproduction

CLASSES = ("ant", "bee", "cat", "dog")
SPEC = ImageSpec(height=2, width=2, channels=1, classes=CLASSES)
PEAKS = np.random.default_rng(5).uniform(-3, 3, (len(CLASSES), 3))


class Points(ToyEncoding):
    """Genomes that are points in space, so that distances and children are easy to judge."""

    def __init__(self, parents=2, spread=3.0):
        self.parents = parents
        self.spread = spread
        self.distances = 0
        self.parent_groups = []
        self.seeds = []

    def create(self, seeds):
        draws = [np.random.default_rng(seed).uniform(-1, 1, 3) for seed in seeds]
        return [tuple((self.spread * draw).tolist()) for draw in draws]

    def breed(self, parent_groups, seeds):
        self.parent_groups += parent_groups
        self.seeds += seeds
        return [
            tuple(
                (
                    np.mean(parent_group, axis=0) + np.random.default_rng(seed).normal(0, 0.2, 3)
                ).tolist()
            )
            for parent_group, seed in zip(parent_groups, seeds, strict=True)
        ]

    def distance(self, a, b):
        self.distances += 1
        return float(np.linalg.norm(np.subtract(a, b)))

    def size(self, genome):
        return GenomeSize(len(genome), 0)


def nearness(candidates):
    """A target that is the surer of a class the nearer a point is to its peak."""
    points = np.array([candidate.genome for candidate in candidates])
    logits = -12 * np.linalg.norm(points[:, None] - PEAKS, axis=2)
    odds = np.exp(logits - logits.max(1, keepdims=True))
    return Scores(odds / odds.sum(1, keepdims=True), logits, np.ones(len(points), bool))


def indifference(candidates):
    """A target that cannot tell anything from anything."""
    shape = (len(candidates), len(CLASSES))
    return Scores(np.full(shape, 0.25), np.zeros(shape), np.ones(len(candidates), bool))


def scheme(encoding=None, seed=1, **options):
    options = {"population": 30, "classes": ["cat"], "stop_at": 1, **options}
    return SingleClass(Options(**options), encoding=encoding or Points(), spec=SPEC, seed=seed)


def generations(search, count, target=nearness):
    """Run some generations, and give what was asked in each."""
    asked = []
    for _ in range(count):
        candidates = search.ask()
        if not candidates:
            break
        search.tell(candidates, target(candidates))
        asked.append(candidates)
    return asked


# --- going on after a kill

HARD_TO_RESUME = {
    "neat": {"species_set": {"compatibility_threshold": 1.0}},
    "neat, one parent": {"species_set": {"compatibility_threshold": 1.0}},
    "species die": {
        "species_set": {"compatibility_threshold": 1.0},
        "stagnation": {"max_stagnation": 2, "species_elitism": 1, "species_fitness_func": "mean"},
    },
    "all die": {"stagnation": {"max_stagnation": 1, "species_elitism": 0}},
    "too many species": {"species_set": {"compatibility_threshold": 0.01}},
    "no elites": {"reproduction": {"elitism": 0}},
    "rank": {"selection": "rank"},
}


def moody(candidates):
    """A target that fails at every seventh image."""
    scores = nearness(candidates)
    return replace(scores, ok=np.array([candidate.id % 7 != 3 for candidate in candidates]))


@pytest.mark.parametrize("case", HARD_TO_RESUME)
def test_killed_after_any_generation_it_goes_on_to_the_bit(case):
    options = {"classes": ["dog", "ant"], "generations_per_class": 9, **HARD_TO_RESUME[case]}
    parents = 1 if case == "neat, one parent" else 2

    def begin():
        return scheme(Points(parents), **options)

    undisturbed, saved, asked = begin(), [], []
    while candidates := undisturbed.ask():
        asked.append(candidates)
        undisturbed.tell(candidates, moody(candidates))
        held = {**undisturbed.archive.candidates, **{c.id: c for c in undisturbed.members()}}
        saved.append(
            (
                json.dumps(undisturbed.state(), allow_nan=False),
                list(undisturbed.archive.elites()),
                held,
            )
        )
    assert len(asked) == 18

    for generation, (state, elites, held) in enumerate(saved):
        resumed = begin()
        for elite in elites:
            resumed.archive.place(elite)
        resumed.restore(json.loads(state), held)
        assert json.dumps(resumed.state()) == state
        assert generations(resumed, 99, moody) == asked[generation + 1 :]
        assert list(resumed.archive.elites()) == list(undisturbed.archive.elites())
        assert resumed.state() == undisturbed.state()


def test_the_state_does_not_grow():
    search = scheme(species_set={"compatibility_threshold": 1.5})
    generations(search, 10)
    early = len(json.dumps(search.state()))
    generations(search, 60)
    assert len(json.dumps(search.state())) < 1.5 * early
    assert all(len(one["history"]) <= 1 for one in search.state()["selection"]["species"])


# --- what a search does


@pytest.mark.parametrize("selection", ["neat", "rank"])
def test_it_finds_what_the_class_wants(selection):
    search = scheme(selection=selection, classes=[], stop_at=0.9999, generations_per_class=40)
    asked = generations(search, 200)
    assert search.ask() == []
    assert (search.archive.scores >= 0.9999).all()
    assert len(asked) < 160


def test_classes_have_their_turns_in_the_order_they_are_named():
    search = scheme(classes=["dog", "0", "dog"], generations_per_class=3)
    assert search.archive.classes.tolist() == [0, 3]
    asked = generations(search, 3)
    assert [elite.class_index for elite in search.archive.elites()] == [3]
    assert search.members() == []
    asked += generations(search, 99)
    assert [elite.class_index for elite in search.archive.elites()] == [0, 3]
    assert len(asked) == 6
    assert [candidate.parents for candidate in asked[3]] == [()] * 30
    assert search.ask() == []


def test_a_confident_class_gives_its_turn_up_at_once():
    search = scheme(classes=["ant", "bee"], stop_at=0.2, generations_per_class=9)
    assert len(generations(search, 99)) == 2


def test_several_classes_share_the_run_and_a_single_one_has_it_all():
    assert len(generations(scheme(classes=["ant", "bee"], population=4), 120)) == 100
    assert len(generations(scheme(classes=["ant"], population=4), 120)) == 120
    assert (
        len(generations(scheme(classes=["ant"], population=4, generations_per_class=7), 120)) == 7
    )


def test_the_fitter_parent_is_named_first_and_alone_if_one_is_wanted():
    for parents in (1, 2):
        encoding = Points(parents)
        search = scheme(encoding)
        fitness = {}
        for _ in range(8):
            candidates = search.ask()
            for candidate in candidates:
                known = [fitness[parent] for parent in candidate.parents]
                assert known == sorted(known, reverse=True)
                assert len(set(candidate.parents)) == len(known) <= parents
            search.tell(candidates, nearness(candidates))
            fitness |= dict(search.state()["population"])
        assert max(map(len, encoding.parent_groups)) == parents


# --- scores that cannot be used


@pytest.mark.parametrize("selection", ["neat", "rank"])
def test_a_candidate_without_a_usable_score_does_not_live_on(selection):
    search = scheme(selection=selection)
    candidates = search.ask()
    scores = nearness(candidates)
    scores.logits[3, 2] = -np.inf
    scores.ok[14:] = False
    search.tell(candidates, scores)
    usable = {*range(14)} - {3}
    assert {member.id for member in search.members()} == usable
    children = search.ask()
    assert len(children) + len(search.members()) == 30
    assert {parent for child in children for parent in child.parents} <= usable


@pytest.mark.parametrize("selection", ["neat", "rank"])
def test_a_search_survives_a_generation_without_any_usable_score(selection):
    search = scheme(selection=selection)

    def broken(candidates):
        return replace(nearness(candidates), ok=np.zeros(len(candidates), bool))

    generations(search, 2, broken)
    assert search.archive.elite(2) is None
    generations(search, 20)
    generations(search, 2, broken)
    generations(search, 10)
    assert search.archive.elite(2).score > 0.9


# --- selection = neat


def species_of(search):
    """Give (representative, members) of each species, by their keys, as they are recorded."""
    species = search.state()["selection"]["species"]
    return [(one["representative"], one["members"]) for one in species]


def test_species_form_and_breed_among_themselves():
    search = scheme(population=60, species_set={"compatibility_threshold": 1.5})
    points, species = {}, {}
    for _ in range(6):
        candidates = search.ask()
        points |= {candidate.id: candidate.genome for candidate in candidates}
        assert all(
            len({species[parent] for parent in c.parents}) <= 1 for c in candidates if c.parents
        )
        search.tell(candidates, nearness(candidates))
        species = {key: one for one, members in species_of(search) for key in members}
        assert len(species) == 60
        assert len(set(species.values())) > 3
        for key, representative in species.items():
            assert Points().distance(points[key], points[representative]) < 1.5


def test_the_best_stays_and_is_not_scored_again():
    search = scheme()
    best = -np.inf
    asked = []
    for _ in range(25):
        candidates = search.ask()
        asked += [candidate.id for candidate in candidates]
        search.tell(candidates, nearness(candidates))
        population = dict(search.state()["population"])
        assert len(population) == 30
        assert max(population.values()) >= best
        assert search.archive.elite(2).candidate.id in population
        best = max(population.values())
    assert len(asked) == len(set(asked))


def test_a_population_that_dies_out_starts_anew():
    search = scheme(stagnation={"max_stagnation": 2, "species_elitism": 0})
    asked = generations(search, 8, indifference)
    anew = [generation for generation, c in enumerate(asked) if not c[0].parents]
    assert anew[0] == 0
    assert len(anew) > 1
    assert len(asked[anew[1]]) == 30
    ids = [candidate.id for candidates in asked for candidate in candidates]
    assert ids == list(range(len(ids)))


def test_more_species_than_the_population_can_hold_are_warned_of_and_survived(caplog):
    search = scheme(
        species_set={"compatibility_threshold": 1e-6},
        reproduction={"min_species_size": 4, "elitism": 1},
    )
    best = -np.inf
    with caplog.at_level(logging.WARNING):
        for _ in range(10):
            generations(search, 1)
            fitness = dict(search.state()["population"])
            assert len(fitness) == 30
            assert max(fitness.values()) >= best
            best = max(fitness.values())
    assert len(caplog.records) == 1
    assert "30 species, but a population of 30 holds only 7" in caplog.text
    assert "compatibility_threshold" in caplog.text


# What neat-python calls is private there, and has no other way in.
@given(
    st.lists(st.tuples(st.integers(1, 60), st.floats(0, 1)), min_size=1, max_size=24),
    st.integers(1, 4),
)
def test_children_are_shared_out_exactly_however_many_species_are_small(species, smallest):
    sizes, fitness = zip(*species, strict=True)
    population = max(100, len(species) * smallest)
    spawn = Reproduction.compute_spawn(fitness, sizes, population, smallest)
    adjusted = Reproduction(None, None, None)._adjust_spawn_exact(spawn, population, smallest)
    assert sum(adjusted) == population
    assert min(adjusted) >= smallest


# --- selection = rank


def test_rank_selection_keeps_the_best_and_replaces_the_rest():
    search = scheme(selection="rank", population=50)
    assert search.batch == 20
    first = search.ask()
    assert len(first) == 50
    search.tell(first, nearness(first))
    fitness = dict(search.state()["population"])
    for _ in range(5):
        best = sorted(fitness, key=fitness.get, reverse=True)[:30]
        children = search.ask()
        assert len(children) == 20
        assert all(set(child.parents) <= set(best) for child in children)
        search.tell(children, nearness(children))
        fitness = dict(search.state()["population"])
        assert set(fitness) == {*best, *(child.id for child in children)}


def test_small_generations_keep_all_but_as_many_of_the_population():
    search = scheme(selection="rank", population=50, batch=4)
    assert [len(candidates) for candidates in generations(search, 4)] == [50, 4, 4, 4]
    assert len(search.members()) == 50


def test_each_rank_is_likelier_than_the_next_by_the_pressure():
    options = Options(selection="rank", population=50_000, batch=49_995)
    members = [Member(Candidate(i, None), -float(i)) for i in range(10)]
    survivors, parent_groups = RankSelection(options, parents=1).choose(
        members, generation=0, first_id=10, seed=3
    )
    assert [member.key for member in survivors] == [0, 1, 2, 3, 4]
    drawn = Counter(parent.key for (parent,) in parent_groups)
    for fitter in range(4):
        assert drawn[fitter] / drawn[fitter + 1] == pytest.approx(1.1, rel=0.05)


def test_a_group_of_parents_names_a_parent_once_and_the_fittest_first():
    options = Options(selection="rank", population=5000, batch=4980)
    members = [Member(Candidate(i, None), float(i)) for i in range(40)]
    _, parent_groups = RankSelection(options, parents=2).choose(
        members, generation=0, first_id=40, seed=3
    )
    parent_groups = {tuple(parent.key for parent in parent_group) for parent_group in parent_groups}
    kept = range(39, 19, -1)
    assert parent_groups == {(a,) for a in kept} | {(a, b) for a in kept for b in kept if a > b}


# --- options


@pytest.mark.parametrize(
    ("options", "where"),
    [
        ({"DefaultStagnation": {"species_fitness_func": "maximum"}}, "species_fitness_func"),
        ({"DefaultReproduction": {"elitsm": 2}}, "elitsm"),
        ({"generations": 3}, "generations"),
        ({"population": 2}, "min_species_size and elitism of .DefaultReproduction., here 2"),
        ({"population": 5, "reproduction": {"elitism": 5}}, "here 5"),
        ({"stop_at": 1.5}, "stop_at"),
        ({"selection": "rank", "population": 10, "batch": 10}, "less than population, here 10"),
        ({"batch": 5}, "smaller population, or selection = rank"),
    ],
)
def test_wrong_options_are_refused(options, where):
    with pytest.raises(ValidationError, match=where):
        Options.model_validate(options)


def test_a_tiny_population_still_has_a_child_to_score():
    for options in ({"selection": "rank"}, {"reproduction": {"min_species_size": 1}}):
        search = scheme(population=2, **options)
        assert all(generations(search, 6))


# --- with the encoding it is for
