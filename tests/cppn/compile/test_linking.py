from __future__ import annotations

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
    genes, found = tape.nodes[: tape.size, 7:].T
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


def test_a_long_chain_is_no_cycle():
    keys = [*range(1, 3000), 0]
    links = [connection(-1, 1), *map(connection, keys, keys[1:])]
    assert max(levels(genome_of([node(key) for key in keys], links)).values()) == 3000


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


def test_a_node_that_feeds_itself_is_a_cycle():
    with pytest.raises(ExperimentError, match="close a cycle: 0 -> 0"):
        program(genome_of([node(0)], [connection(0, 0)]))


def test_a_cycle_that_no_output_needs_does_no_harm():
    genome = genome_of(
        [node(0), node(5), node(6)], [connection(-1, 0), connection(5, 6), connection(6, 5)]
    )
    assert program(genome).node_keys == [(0, 0)]


def test_a_disabled_connection_closes_no_cycle():
    genome = genome_of([node(0), node(5)], [connection(5, 0), connection(0, 5, enabled=False)])
    assert levels(genome) == {0: 2, 5: 1}


@pytest.mark.parametrize(
    ("genome", "message"),
    [
        (
            genome_of([node(0, "sinn")], [], key=3),
            "genome 3: node 0: there is no 'sinn'; did you mean 'sin'",
        ),
        (
            genome_of([node(0, aggregation="summ")], [], key=3),
            "genome 3: node 0: there is no 'summ'; did you mean 'sum'",
        ),
        (genome_of([node(4)], [], key=3), "genome 3: a genome without the output 0"),
        (
            genome_of([node(0)], [connection(8, 0)], key=3),
            "genome 3: connection 8 -> 0: there is no node 8",
        ),
    ],
)
def test_a_genome_that_cannot_be_read_is_named(genome, message):
    with pytest.raises(ExperimentError, match=message):
        program(genome_of([node(0)], []), genome)


def test_linking_is_the_same_without_numba():
    genomes = [random_genome(seed) for seed in range(30)]
    compiled = vars(compile_tape(genomes, INPUTS, OUTPUTS))
    with uncompiled_breeding() as plain:
        bare = vars(plain.tape.compile_tape(genomes, INPUTS, OUTPUTS))
    used = {
        "nodes": compiled["bounds"][-1],
        "sources": bare["nodes"][compiled["bounds"][-1] - 1, 3],
    }
    used |= {"numbers": used["nodes"], "factors": used["sources"], "edges": used["sources"]}
    for name, array in compiled.items():
        end = used.get(name)
        assert np.array_equal(
            array[:end] if end else array, bare[name][:end] if end else bare[name]
        )
