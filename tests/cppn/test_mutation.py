import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from genomes import breeder_of, config_of, has_cycle, line_of
from other_process import run_python
from uncompiled import buffer_of, genome_of_buffer

import neatfool
from neatfool import cppn

NOTHING = {
    "weight_mutate_rate": 0,
    "activation_mutate_rate": 0,
    "conn_add_prob": 0,
    "conn_delete_prob": 0,
    "node_add_prob": 0,
    "node_delete_prob": 0,
}


def grown(seed=1):
    return line_of(breeder_of(conn_delete_prob=0, node_delete_prob=0), 40, seed)[-1]


def children(parent, count=400, **given):
    breeder = breeder_of(**NOTHING | given)
    return breeder.breed([[parent]] * count, range(count))


def test_a_weight_moves_by_a_step_of_the_range():
    parent = cppn.Genome.of([cppn.NodeGene(0, "sin")], [cppn.ConnectionGene((-1, 0), 0.0)])
    steps = [
        child.connections[-1, 0].weight / 20
        for child in children(parent, 4000, weight_mutate_rate=1, weight_mutate_eta=7)
    ]
    # Turned back, they are uniform. (At half of the range they are clipped.)
    numbers = sorted((1 + step) ** 8 / 2 if step < 0 else 1 - (1 - step) ** 8 / 2 for step in steps)
    gap = max(
        abs(number - place / 4000) for place, number in enumerate(numbers) if 0.01 < number < 0.99
    )
    assert gap < 1.95 / 4000**0.5  # Kolmogorov and Smirnov, p = 0.001


def test_weights_stay_in_range_and_mutate_at_their_rate():
    parent = grown()
    changed = total = 0
    for child in children(parent, weight_mutate_rate=0.1):
        assert list(child.connections) == list(parent.connections)
        weights = [gene.weight for gene in child.connections.values()]
        assert all(-10 <= weight <= 10 for weight in weights)
        total += len(weights)
        changed += sum(
            gene.weight != parent.connections[edge].weight
            for edge, gene in child.connections.items()
        )
    assert changed / total == pytest.approx(0.1, abs=0.01)


def test_activations_become_any_of_the_four_at_their_rate():
    parent = grown()
    counts, redrawn, total = Counter(), 0, 0
    for child in children(parent, activation_mutate_rate=0.1):
        for key, gene in child.nodes.items():
            total += 1
            if gene.activation != parent.nodes[key].activation:
                redrawn += 1
                counts[gene.activation] += 1
    assert redrawn / total == pytest.approx(0.1 * 3 / 4, abs=0.01)
    assert counts.keys() == set(cppn.PRESETS["paper"].values["activation_options"])


@pytest.mark.parametrize(
    ("key", "happened"),
    [
        ("conn_add_prob", lambda p, c: len(c.connections) == len(p.connections) + 1),
        ("conn_delete_prob", lambda p, c: len(c.connections) == len(p.connections) - 1),
        ("node_add_prob", lambda p, c: len(c.nodes) == len(p.nodes) + 1),
        ("node_delete_prob", lambda p, c: len(c.nodes) == len(p.nodes) - 1),
    ],
)
def test_a_structural_mutation_happens_at_its_rate_and_no_other_does(key, happened):
    parent = grown()
    rate = cppn.PRESETS["paper"].values[key]
    offspring = children(parent, 1000, **{key: rate})
    assert sum(happened(parent, child) for child in offspring) / 1000 == pytest.approx(
        rate, abs=0.05
    )
    assert all(child == parent or happened(parent, child) for child in offspring)


def test_a_new_connection_is_absent_before_runs_forward_and_has_a_random_weight():
    parent = grown()
    added, weights = set(), []
    for child in children(parent, conn_add_prob=1):
        ((source, target),) = child.connections.keys() - parent.connections.keys()
        assert source < 0 or source > 2
        assert target in parent.nodes
        assert not has_cycle(child.connections)
        added.add((source, target))
        weights.append(child.connections[source, target].weight)
    assert len(added) > 20
    assert min(weights) < -8
    assert max(weights) > 8


def test_where_no_connection_is_left_to_add_none_is_added():
    parent = breeder_of().create([1])[0]
    assert all(child == parent for child in children(parent, 20, conn_add_prob=1))


def test_a_new_node_takes_the_place_of_a_connection_and_both_halves_have_its_weight():
    parent = grown()
    activations = set()
    for child in children(parent, node_add_prob=1):
        (new,) = child.nodes.keys() - parent.nodes.keys()
        ((source, target),) = parent.connections.keys() - child.connections.keys()
        weight = parent.connections[source, target].weight
        assert child.connections[source, new].weight == weight
        assert child.connections[new, target].weight == weight
        assert len(child.connections) == len(parent.connections) + 1
        activations.add(child.nodes[new].activation)
    assert len(activations) == 4


def test_a_deleted_node_is_hidden_and_takes_its_connections_along():
    parent = grown()
    for child in children(parent, node_delete_prob=1):
        (gone,) = parent.nodes.keys() - child.nodes.keys()
        assert gone > 2
        assert list(child.connections) == [edge for edge in parent.connections if gone not in edge]


def test_random_genomes_are_the_papers():
    weights, activations = [], set()
    for genome in breeder_of().create(range(300)):
        assert list(genome.nodes) == [0, 1, 2]
        assert set(genome.connections) == {(-i, o) for i in (1, 2, 3, 4) for o in (0, 1, 2)}
        for node in genome.nodes.values():
            assert (node.aggregation, node.bias, node.response) == ("sum", 0.0, 1.0)
            activations.add(node.activation)
        weights += [gene.weight for gene in genome.connections.values()]
        assert all(gene.enabled for gene in genome.connections.values())
    assert len(activations) == 4
    quarters = Counter(int((weight + 10) // 5) for weight in weights)
    assert quarters.keys() == {0, 1, 2, 3}
    assert all(count / len(weights) == pytest.approx(0.25, abs=0.03) for count in quarters.values())


def test_attributes_that_the_paper_lacks_mutate_where_a_rate_says_so():
    parent = grown()
    (child,) = children(
        parent,
        1,
        bias_mutate_rate=1,
        enabled_mutate_rate=1,
    )
    assert all(gene.bias != 0 for gene in child.nodes.values())
    assert {gene.enabled for gene in child.connections.values()} == {True, False}
    assert {gene.response for gene in child.nodes.values()} == {1.0}


@pytest.mark.parametrize(
    ("operator", "nodes", "connections"),
    [
        ("mutate_weights", 0, 0),
        ("mutate_activations", 0, 0),
        ("add_connection", 0, 1),
        ("delete_connection", 0, -1),
        ("add_node", 1, 1),
        ("neat_add_node", 1, 2),
        ("neat_mutate_weights", 0, 0),
    ],
)
def test_an_operator_is_a_function_of_genome_rates_and_random(plain, operator, nodes, connections):
    parent = grown()
    buffer = buffer_of(plain, parent)
    rates = plain.breeding.read_rates(
        config_of(weight_mutate_rate=1, activation_mutate_rate=1), [0]
    )
    getattr(plain.mutation, operator)(buffer, rates[0], np.array([5], np.uint64))
    child = genome_of_buffer(plain, buffer)
    assert child != parent
    assert len(child.nodes) - len(parent.nodes) == nodes
    assert len(child.connections) - len(parent.connections) == connections


ADDED = """

@inner
def negate_weights(genome: GenomeBuffer, rates: MutationRates, random: Array) -> None:
    for place in range(genome.size.connections):
        genome.connections[place].weight *= -1.0
"""
CALLED = """    if draw(random) < rates.negate_weights:
        negate_weights(genome, rates, random)
    if draw(random) < rates.add_connection:"""
TRIED = """
import sys
sys.modules["numba"] = None
from neatfool import cppn
nothing = dict.fromkeys(NOTHING, 0)
preset = cppn.PRESETS["paper"]
for given in ({}, {"negate_weights_prob": 1}):
    options = cppn.resolve(cppn.GenomeOptions(**nothing, **given), preset)
    breeder = cppn.Breeder(preset, cppn.genome_config(options, 1))
    (parent,) = breeder.create([1])
    (child,) = breeder.breed([[parent]], [2])
    print({child.connections[edge].weight / g.weight for edge, g in parent.connections.items()})
"""


def test_an_operator_of_ones_own_needs_mutation_and_options_only(tmp_path):
    shutil.copytree(Path(neatfool.__file__).parent, tmp_path / "neatfool")
    room, field = tmp_path / "neatfool" / "cppn", "    delete_node: float\n"
    mutation, options = room / "mutation.py", room / "genome" / "options.py"
    text = mutation.read_text().replace(field, field + "    negate_weights: float\n")
    mutation.write_text(text.replace(CALLED.splitlines()[-1], CALLED, 1) + ADDED)
    key = '*("negate_weights_prob", "conn_add_prob",'
    options.write_text(options.read_text().replace('*("conn_add_prob",', key, 1))
    own = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    found = run_python(TRIED.replace("NOTHING", repr([*NOTHING])), folder=tmp_path, **own)
    assert found.split() == ["{1.0}", "{-1.0}"]
