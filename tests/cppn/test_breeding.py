import copy
import random
from zlib import crc32

import pytest
from genomes import breeder_of, config_of, has_cycle, line_of
from hypothesis import given
from hypothesis import strategies as st
from uncompiled import uncompiled_breeding

from neatfool import cppn
from neatfool.errors import GenomeError

PRESETS = pytest.mark.parametrize("preset", cppn.PRESETS)
SEEDS = [3, 1, 4, 1, 5, 9, 2, 6]
NOTHING = {
    key: 0
    for key in cppn.GenomeOptions.model_fields
    if key.endswith(("_mutate_rate", "_replace_rate", "_prob"))
}


def pairs(preset, count=8):
    """Litters of genomes that have something in common, and one of a genome with itself."""
    line = line_of(breeder_of(preset), 40)
    return [(line[-1], line[-1]), *zip(line[20:], line[30:], strict=False)][:count]


@PRESETS
def test_children_depend_on_their_parents_and_seed_alone(preset):
    parent_groups = pairs(preset)
    children = breeder_of(preset).breed(parent_groups, SEEDS)
    other = breeder_of(preset)
    other.create(range(5))
    assert other.breed(parent_groups[::-1], SEEDS[::-1]) == children[::-1]
    one_by_one = [
        other.breed([pair], [seed])[0] for pair, seed in zip(parent_groups, SEEDS, strict=True)
    ]
    assert one_by_one == children


def test_a_genome_crossed_with_itself_is_a_clone():
    parent = line_of(breeder_of("neat"), 60)[-1]
    assert any(not gene.enabled for gene in parent.connections.values())
    children = breeder_of("neat", **NOTHING).breed(
        [(parent, copy.deepcopy(parent))] * 20, range(20)
    )
    assert all(child == parent for child in children)


@PRESETS
@given(seed=st.integers(0, 2**63 - 1))
def test_any_seed_will_do_and_lines_stay_acyclic(preset, seed):
    genome = line_of(breeder_of(preset), 30, seed)[-1]
    assert not has_cycle(genome.connections)


@PRESETS
def test_children_cost_no_copy_and_no_seeding_of_pythons_generator(preset, monkeypatch):
    parent_groups, breeder = pairs(preset), breeder_of(preset)
    for module, name in (
        (copy, "deepcopy"),
        (random, "seed"),
        (random, "random"),
        (random, "setstate"),
        (cppn.Genome, "mutate"),
        (cppn.NodeGene, "mutate"),
        (cppn.ConnectionGene, "mutate"),
    ):
        monkeypatch.setattr(module, name, pytest.fail)
    assert len(breeder.breed(parent_groups, SEEDS)) == len(SEEDS)


def shape_of(genome):
    """Give what does not depend on how a processor rounds."""
    nodes = [[gene.key, gene.activation] for gene in genome.nodes.values()]
    return nodes, [[*edge, gene.enabled] for edge, gene in genome.connections.items()]


@pytest.mark.parametrize(
    ("preset", "sum_"), [("paper", 254962763), ("patterns", 2207850009), ("neat", 3899424435)]
)
def test_children_never_change(preset, sum_):
    breeder = breeder_of(preset)
    population = breeder.create(range(6))
    for generation in range(30):
        parent_groups = list(zip(population, population[1:] + population[:1], strict=True))
        population = breeder.breed(parent_groups, range(6 * generation, 6 * generation + 6))
    assert crc32(repr([shape_of(genome) for genome in population]).encode()) == sum_


@PRESETS
def test_where_numba_is_missing_children_are_the_same(preset):
    parent_groups = pairs(preset)
    compiled = breeder_of(preset).breed(parent_groups, SEEDS)
    founders = breeder_of(preset).create(SEEDS)
    with uncompiled_breeding() as plain:
        breeder = plain.breeding.Breeder(cppn.PRESETS[preset], config_of(preset))
        assert breeder.breed(parent_groups, SEEDS) == compiled
        assert breeder.create(SEEDS) == founders


@PRESETS
def test_a_genome_bears_the_same_children_once_its_genes_were_looked_at(preset):
    parent_groups = pairs(preset)
    seen = [tuple(cppn.loads(cppn.dumps(parent)) for parent in pair) for pair in parent_groups]
    for pair in seen:
        for parent in pair:
            assert parent.nodes
    assert breeder_of(preset).breed(seen, SEEDS) == breeder_of(preset).breed(parent_groups, SEEDS)


def test_an_id_of_more_than_64_bits_is_told():
    parent = cppn.Genome.of([cppn.NodeGene(key, "sin") for key in (0, 1, 2, 1 << 70)], [])
    with pytest.raises(GenomeError, match="more than 64 bits"):
        breeder_of().breed([[parent]], [1])
