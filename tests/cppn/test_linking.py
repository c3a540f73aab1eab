import numpy as np
import pytest
from random_cppns import INPUTS, OUTPUTS, connection, genome_of, node, random_genome
from uncompiled import uncompiled_breeding

from neatfool import ExperimentError
from neatfool.cppn import compile_genomes, compile_tape


def program(*genomes, outputs=(0,)):
    return compile_genomes(genomes, INPUTS, list(outputs))


def levels(genome):
    """Give the levels of a genome's nodes, by key."""
    tape = compile_tape([genome], INPUTS, [0])
    genes, found = tape.nodes[: tape.size, 6:].T
    return dict(zip(tape.words[genes].tolist(), found.tolist(), strict=True))


def test_only_what_an_output_needs_is_kept():
    genome = genome_of(
        [node(0), node(5), node(6), node(7)],
        [
            connection(-1, 5),
            connection(5, 0),
            connection(5, 6),  # a dead end
            connection(7, 0, enabled=False),
        ],
    )
    read = program(genome)
    assert read.node_keys == [(0, 0), (0, 5)]
    assert read.weight_keys == [(0, (-1, 5)), (0, (5, 0))]


def test_a_level_is_the_longest_way():
    genome = genome_of(
        [node(0), node(5), node(6), node(7)],
        [
            connection(-1, 0),
            connection(5, 0),
            connection(-2, 5),
            connection(6, 5),
            connection(7, 0),
        ],
    )
    assert levels(genome) == {0: 3, 5: 2, 6: 1, 7: 1}


def test_genomes_do_not_mix():
    one = genome_of([node(0, bias=1.0)], [connection(-1, 0)])
    other = genome_of([node(0, bias=2.0), node(9, bias=3.0)], [connection(9, 0)])
    read = program(one, other, one)
    assert read.node_keys == [(0, 0), (1, 0), (1, 9), (2, 0)]
    assert read.biases.tolist() == [1.0, 2.0, 3.0, 1.0]
    assert read.weight_keys == [(0, (-1, 0)), (1, (9, 0)), (2, (-1, 0))]


@pytest.mark.parametrize("order", [(5, 6, 7), (7, 5, 6), (6, 7, 5)])
def test_a_cycle_is_named(order):
    genome = genome_of(
        [node(0), *map(node, order), node(8)],
        [
            connection(-1, 5),
            connection(5, 6),
            connection(6, 7),
            connection(7, 5),
            connection(7, 8),
            connection(8, 0),
        ],
        key=41,
    )
    fine = genome_of([node(0)], [connection(-1, 0)])
    with pytest.raises(ExperimentError) as refusal:
        program(fine, genome)
    message = str(refusal.value)
    assert message.startswith("genome 41: ")
    ways = ("5 -> 6 -> 7 -> 5", "6 -> 7 -> 5 -> 6", "7 -> 5 -> 6 -> 7")
    assert message.endswith(ways)


def test_linking_is_the_same_without_numba():
    genomes = [random_genome(seed) for seed in range(30)]
    compiled = vars(compile_tape(genomes, INPUTS, OUTPUTS))
    with uncompiled_breeding() as plain:
        bare = vars(plain.tape.compile_tape(genomes, INPUTS, OUTPUTS))
    used = {
        "nodes": compiled["bounds"][-1],
        "sources": bare["nodes"][compiled["bounds"][-1] - 1, 2],
    }
    used |= {"biases": used["nodes"], "factors": used["sources"], "edges": used["sources"]}
    for name, array in compiled.items():
        end = used.get(name)
        assert np.array_equal(
            array[:end] if end else array, bare[name][:end] if end else bare[name]
        )
