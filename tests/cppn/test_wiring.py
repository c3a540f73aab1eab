from __future__ import annotations

import pytest
from random_cppns import INPUTS, connection, genome_of, node

from neatfool import ExperimentError
from neatfool.cppn import check_compilable
from neatfool.cppn.wiring import read_networks


def networks(*genomes, outputs=(0,)):
    return read_networks(genomes, INPUTS, list(outputs))


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
    read = networks(genome)
    assert read.node_keys == [0, 5]
    assert read.connection_keys == [(-1, 5), (5, 0)]


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
    read = networks(genome)
    assert dict(zip(read.node_keys, read.level.tolist(), strict=True)) == {0: 3, 5: 2, 6: 1, 7: 1}


def test_genomes_do_not_mix():
    one = genome_of([node(0, bias=1.0)], [connection(-1, 0)])
    other = genome_of([node(0, bias=2.0), node(9, bias=3.0)], [connection(9, 0)])
    read = networks(one, other, one)
    assert read.genome.tolist() == [0, 1, 1, 2]
    assert read.bias.tolist() == [1.0, 2.0, 3.0, 1.0]
    assert read.outputs.tolist() == [[5], [6], [8]]
    assert read.source.tolist() == [0, 7, 0]
    assert read.sink.tolist() == [5, 6, 8]


def test_a_long_chain_is_no_cycle():
    keys = [*range(1, 3000), 0]
    links = [connection(-1, 1), *map(connection, keys, keys[1:])]
    assert networks(genome_of([node(key) for key in keys], links)).level.max() == 3000


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
        networks(fine, genome)
    message = str(refusal.value)
    assert message.startswith("genome 41: nodes ")
    ways = ("5 -> 6 -> 7 -> 5", "6 -> 7 -> 5 -> 6", "7 -> 5 -> 6 -> 7")
    assert any(way in message for way in ways)
    assert "feed_forward" in message


def test_a_node_that_feeds_itself_is_a_cycle():
    with pytest.raises(ExperimentError, match="nodes 0 -> 0 are a cycle"):
        networks(genome_of([node(0)], [connection(0, 0)]))


def test_a_cycle_that_no_output_needs_does_no_harm():
    genome = genome_of(
        [node(0), node(5), node(6)], [connection(-1, 0), connection(5, 6), connection(6, 5)]
    )
    assert networks(genome).node_keys == [0]


def test_a_disabled_connection_closes_no_cycle():
    genome = genome_of([node(0), node(5)], [connection(5, 0), connection(0, 5, enabled=False)])
    assert networks(genome).level.tolist() == [2, 1]


@pytest.mark.parametrize(
    ("genome", "message"),
    [
        (
            genome_of([node(0, "sinn")], [], key=3),
            "genome 3, node 0: unknown activation 'sinn'; did you mean 'sin'",
        ),
        (
            genome_of([node(0, aggregation="summ")], [], key=3),
            "genome 3, node 0: unknown aggregation 'summ'; did you mean 'sum'",
        ),
        (genome_of([node(4)], [], key=3), "genome 3: there is no output node 0"),
        (
            genome_of([node(0)], [connection(8, 0)], key=3),
            r"genome 3: connection \(8, 0\) joins a node that is not there",
        ),
    ],
)
def test_a_genome_that_cannot_be_read_is_named(genome, message):
    with pytest.raises(ExperimentError, match=message):
        networks(genome_of([node(0)], []), genome)


def test_names_are_checked_before_a_run():
    check_compilable(["sin", "paper_sine"], ["sum", "median"])
    with pytest.raises(ExperimentError, match=r"unknown activation 'paper_sin'.*'paper_sine'"):
        check_compilable(["sin", "paper_sin"])
    with pytest.raises(ExperimentError, match="unknown aggregation 'average'"):
        check_compilable([], ["average"])
