from __future__ import annotations

import copy
import gc
import random
from itertools import pairwise

import pytest
from genomes import breeder_of, config_of, line_of
from hypothesis import given
from hypothesis import strategies as st

from neatfool import cppn
from neatfool.cppn.breeding.neat_variation import NeatVariation
from neatfool.cppn.breeding.paper_variation import PaperVariation, Refinements
from neatfool.cppn.breeding.streams import streams
from neatfool.cppn.breeding.structure import closes_cycle

PRESETS = pytest.mark.parametrize("preset", cppn.PRESETS)
SEEDS = [3, 1, 4, 1, 5, 9, 2, 6]


def pairs(preset, count=8):
    """Litters of genomes that have something in common, and one of a genome with itself."""
    line = line_of(breeder_of(preset), 40)
    return [(line[-1], line[-1]), *zip(line[20:], line[30:], strict=False)][:count]


@PRESETS
def test_genomes_depend_on_their_seed_alone(preset):
    genomes = breeder_of(preset).create(SEEDS)
    assert breeder_of(preset).create(SEEDS[::-1]) == genomes[::-1]
    assert genomes[1] == genomes[3]
    assert genomes[0] != genomes[1]


@PRESETS
def test_children_depend_on_their_parents_and_seed_alone(preset):
    litters = pairs(preset)
    children = breeder_of(preset).breed(litters, SEEDS)
    other = breeder_of(preset)
    other.create(range(5))
    assert other.breed(litters[::-1], SEEDS[::-1]) == children[::-1]
    one_by_one = [other.breed([pair], [seed])[0] for pair, seed in zip(litters, SEEDS, strict=True)]
    assert one_by_one == children


@PRESETS
def test_children_of_equal_parents_are_equal_wherever_the_parents_came_from(preset):
    litters = pairs(preset)
    copies = [tuple(cppn.loads(cppn.dumps(parent)) for parent in pair) for pair in litters]
    assert breeder_of(preset).breed(copies, SEEDS) == breeder_of(preset).breed(litters, SEEDS)


@PRESETS
def test_parents_are_not_changed_by_generations_of_descendants(preset):
    breeder = breeder_of(preset)
    population = [pair[0] for pair in pairs(preset)]
    written = [cppn.dumps(genome) for genome in population]
    children = population
    for generation in range(20):
        children = breeder.breed(
            [(a, b) for a, b in pairwise([*children, children[0]])],
            range(100 * generation, 100 * generation + len(children)),
        )
    assert [cppn.dumps(genome) for genome in population] == written
    assert all(genome.fitness is None for genome in population)


@PRESETS
def test_the_global_generator_is_left_as_it_was(preset):
    random.seed(99)
    before = random.getstate()
    breeder = breeder_of(preset)
    breeder.breed([breeder.create([1])], [2])
    assert random.getstate() == before


def test_the_global_generator_is_put_back_after_an_error():
    before = random.getstate()
    with pytest.raises(AttributeError):
        breeder_of().breed([["not a genome"]], [1])
    assert random.getstate() == before


@PRESETS
def test_each_child_needs_a_seed(preset):
    breeder = breeder_of(preset)
    with pytest.raises(ValueError, match="zip"):
        breeder.breed([breeder.create([1])], [1, 2])


def test_the_paper_has_no_crossover():
    litters = pairs("paper")
    alone = [pair[:1] for pair in litters]
    assert breeder_of().breed(litters, SEEDS) == breeder_of().breed(alone, SEEDS)


def test_in_neat_the_other_parent_counts():
    litters = pairs("neat")
    alone = [pair[:1] for pair in litters]
    together, alone = (breeder_of("neat").breed(it, SEEDS) for it in (litters, alone))
    assert all(a != b for a, b in zip(together, alone, strict=True))


def test_a_genome_crossed_with_itself_is_a_clone():
    nothing = {
        key: 0
        for key in cppn.GenomeOptions.model_fields
        if key.endswith(("_mutate_rate", "_replace_rate", "_prob"))
    }
    parent = line_of(breeder_of("neat"), 60)[-1]
    assert any(not gene.enabled for gene in parent.connections.values())
    children = breeder_of("neat", **nothing).breed([(parent, parent.clone())] * 20, range(20))
    assert all(child == parent for child in children)


@PRESETS
@given(seed=st.integers(0, 2**63 - 1))
def test_any_seed_will_do_and_lines_stay_acyclic(preset, seed):
    genome = line_of(breeder_of(preset), 30, seed)[-1]
    for edge in genome.connections:
        assert not closes_cycle([other for other in genome.connections if other != edge], edge)


def test_neat_lines_with_crossover_stay_acyclic_for_200_generations():
    breeder = breeder_of("neat")
    population = breeder.create(range(4))
    for generation in range(200):
        population = breeder.breed(
            list(pairwise([*population, population[0]])), range(generation * 4, generation * 4 + 4)
        )
    for genome in population:
        assert len(genome.nodes) > 6
        for edge in genome.connections:
            assert not closes_cycle([other for other in genome.connections if other != edge], edge)


def grown(preset, nodes=20):
    """A parent with so many nodes."""
    rates = {"node_delete_prob": 0, "conn_delete_prob": 0, "node_add_prob": 1, "conn_add_prob": 1}
    return next(
        genome for genome in line_of(breeder_of(preset, **rates), 60) if len(genome.nodes) >= nodes
    )


@PRESETS
def test_the_genes_that_do_not_change_are_the_parents_own(preset):
    parent = grown(preset)
    shared = 0
    for child in breeder_of(preset).breed([[parent]] * 100, range(100)):
        for mine, genes in (
            (child.nodes, parent.nodes),
            (child.connections, parent.connections),
        ):
            for key in mine.keys() & genes.keys():
                same = mine[key] is genes[key]
                shared += same
                # A weight at its bound may be mutated to what it is.
                at_bound = abs(getattr(genes[key], "weight", 0.0)) == 10.0
                assert same == (mine[key].values == genes[key].values) or at_bound
    assert shared / (100 * len(parent.genes)) > (0.8 if preset == "paper" else 0.4)


def test_crossover_takes_the_parents_own_connections():
    fitter, other = pairs("neat")[1]
    nothing = {
        key: 0
        for key in cppn.GenomeOptions.model_fields
        if key.endswith(("_mutate_rate", "_replace_rate", "_prob"))
    }
    for child in breeder_of("neat", **nothing).breed([[fitter, other]] * 50, range(50)):
        for edge, gene in child.connections.items():
            parents = fitter.connections[edge], other.connections.get(edge)
            if all(parent is None or parent.enabled for parent in parents):
                assert gene in parents


@pytest.mark.parametrize(("preset", "most"), [("paper", 45), ("neat", 300)])
def test_a_child_takes_few_random_numbers_and_rarely_more_than_are_made_beforehand(preset, most):
    parent, config = grown(preset), config_of(preset)
    vary = PaperVariation(config, Refinements()) if preset == "paper" else NeatVariation(config)
    expected = vary.expected_draws(len(parent.nodes), len(parent.connections))
    counts = []
    for draw in streams(range(300), expected):
        numbers = []
        vary(lambda numbers=numbers, draw=draw: numbers.append(draw()) or numbers[-1], parent)
        counts.append(len(numbers))
    assert expected < most
    assert sum(counts) / 300 < expected
    assert sum(count > expected for count in counts) < 15


@PRESETS
def test_children_cost_no_copy_and_no_seeding_of_pythons_generator(preset, monkeypatch):
    litters, breeder = pairs(preset), breeder_of(preset)
    for module, name in (
        (copy, "deepcopy"),
        (random, "seed"),
        (random, "random"),
        (random, "setstate"),
        (cppn.Genome, "clone"),
        (cppn.Genome, "mutate"),
        (cppn.NodeGene, "mutate"),
        (cppn.ConnectionGene, "mutate"),
    ):
        monkeypatch.setattr(module, name, pytest.fail)
    assert len(breeder.breed(litters, SEEDS)) == len(SEEDS)


@PRESETS
def test_genes_are_small(preset):
    for gene in grown(preset).genes:
        assert not hasattr(gene, "__dict__")


@pytest.mark.parametrize("searching", [True, False])
def test_the_search_for_garbage_goes_on_as_before(searching):
    before = gc.isenabled()
    try:
        (gc.enable if searching else gc.disable)()
        breeder_of().breed(pairs("paper"), SEEDS)
        assert gc.isenabled() == searching
        with pytest.raises(ValueError, match="zip"):
            breeder_of().breed(pairs("paper"), SEEDS[1:])
        assert gc.isenabled() == searching
    finally:
        (gc.enable if before else gc.disable)()
