from dataclasses import replace

import numpy as np
import pytest
import torch
from genomes import breeder_of, line_of
from random_cppns import INPUTS, OUTPUTS, connection, genome_of, node, random_genome
from uncompiled import uncompiled_breeding

from neatfool import ExperimentError
from neatfool.cppn import ACTIVATIONS, Look, compile_genomes, compile_tape, render

pytest.importorskip("numba")

FINE = genome_of([node(0)], [connection(-1, 0)])


def tape(*genomes, outputs=(0,)):
    return compile_tape(genomes, INPUTS, list(outputs))


def nodes_of(tape, genome=0):
    """Give activation and terms of each of a genome's nodes."""
    return [
        (
            list(ACTIVATIONS)[activation],
            list(zip(tape.sources[start:stop].tolist(), tape.factors[start:stop], strict=True)),
        )
        for activation, start, stop, *_ in tape.nodes[
            tape.bounds[genome] : tape.bounds[genome + 1]
        ].tolist()
    ]


def test_a_node_comes_after_what_it_needs_and_what_no_output_needs_is_left_out():
    genome = genome_of(
        [node(0, "sin"), node(5, "gauss"), node(6, "abs"), node(7, "hat"), node(8, "square")],
        [
            connection(6, 0, 2.0),
            connection(5, 6, 3.0),
            connection(-2, 5, 4.0),
            connection(5, 0, 5.0),
            connection(5, 7, 6.0),  # a dead end
            connection(8, 0, 7.0, enabled=False),
            connection(0, -3, 8.0),  # leads to an input
        ],
    )
    assert nodes_of(tape(FINE, genome), 1) == [
        ("gauss", [(1, 4.0)]),
        ("abs", [(4, 3.0)]),
        ("sin", [(5, 2.0), (4, 5.0)]),
    ]
    assert tape(FINE, genome).outputs.tolist() == [[4], [6]]


def test_terms_keep_the_order_of_the_genome():
    links = [connection(-3, 0, 1.0), connection(-1, 0, 2.0), connection(-4, 0, 3.0)]
    ((_, terms),) = nodes_of(tape(genome_of([node(0)], links)))
    assert terms == [(2, 1.0), (0, 2.0), (3, 3.0)]


def test_it_is_told_which_inputs_a_node_depends_on_and_those_that_need_it():
    genome = genome_of(
        [node(key) for key in (0, 5, 6, 7, 8)],
        [
            *(connection(*edge) for edge in ((-2, 5), (-3, 6), (5, 7), (6, 7), (-4, 8))),
            connection(-1, 8, enabled=False),
            *(connection(key, 0) for key in (-1, 5, 7, 8)),
        ],
    )
    made = tape(FINE, genome)
    _, *of_second = made.nodes[: made.size, 4:6].tolist()
    assert of_second == [
        [0b0010, 0b1111],
        [0b0100, 0b0110],
        [0b0110, 0b1111],
        [0b1000, 0b1111],
        [0b1111, -1],
    ]


def test_of_more_inputs_than_bits_some_share_one():
    keys = [-1 - place for place in range(40)]
    genome = genome_of([node(0)], [connection(-32, 0), connection(-40, 0)])
    made = compile_tape([genome], keys, [0])
    assert made.nodes[0, 4] == 1 << 0 | 1 << 8


def test_a_tape_has_the_nodes_and_terms_of_the_plain_program():
    genomes = [random_genome(seed) for seed in range(300)]
    program, made = (
        compile_(genomes, INPUTS, OUTPUTS) for compile_ in (compile_genomes, compile_tape)
    )
    assert len(made) == 300
    assert made.size == len(program.biases)
    counts = np.bincount([genome for genome, _ in program.node_keys], minlength=300)
    assert np.diff(made.bounds).tolist() == counts.tolist()
    assert made.nodes[made.size - 1, 2] == len(program.weights)
    biases = made.biases[: made.size]
    expected = program.biases.numpy().astype(np.float32)
    assert sorted(biases.tolist()) == sorted(expected.tolist())


def test_ids_that_meet_in_the_hash_table_are_told_apart():
    rng = np.random.default_rng(1)
    keys = [0, *rng.choice(2**52, 200, replace=False).tolist(), *range(2**40, 2**40 + 50 * 64, 64)]
    links = [connection(key, 0, float(number)) for number, key in enumerate(keys) if key]
    genome = genome_of([node(key, bias=float(number)) for number, key in enumerate(keys)], links)
    made = tape(FINE, genome, FINE)
    *_, (_, terms) = nodes_of(made, 1)
    biases = made.biases[made.bounds[1] : made.bounds[2]]
    assert [biases[source - 4] for source, _ in terms] == [factor for _, factor in terms]


def test_an_input_may_be_an_output():
    assert tape(FINE, outputs=[-2, 0]).outputs.tolist() == [[1, 4]]


def test_a_long_chain_is_no_cycle():
    keys = [*range(1, 3000), 0]
    links = [connection(-1, 1), *map(connection, keys, keys[1:])]
    assert tape(genome_of([node(key) for key in keys], links)).size == 3000


def test_cycles_and_disabled_connections_that_do_no_harm():
    genome = genome_of(
        [node(0), node(5), node(6)],
        [
            *(connection(*edge) for edge in ((-1, 0), (5, 6), (6, 5))),
            *(connection(key, 0, enabled=False) for key in (0, 99)),
        ],
    )
    assert tape(genome).size == 1


def test_an_id_too_large_for_compiled_code_is_told():
    with pytest.raises(ExperimentError, match="its id has more than 64 bits"):
        tape(genome_of([node(0), node(1 << 70)], [connection(1 << 70, 0)]))


@pytest.mark.parametrize("preset", ["paper", "patterns"])
def test_common_genomes_are_drawn_to_the_same_bits_by_the_code_for_all(preset):
    genomes = line_of(breeder_of(preset), 40)
    common = compile_tape(genomes, INPUTS, [0, 1, 2])
    assert common.is_common
    whole = replace(common)
    whole.__dict__["is_common"] = False
    for band_limit in (0.0, 2.0):
        look = Look(30, 33, colour_map="hsv", band_limit=band_limit)
        assert torch.equal(render(common, look), render(whole, look))


def test_a_genome_with_another_function_is_not_common():
    assert not tape(genome_of([node(0, "sin")], [connection(-1, 0)])).is_common


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
