"""That our crossover and mutation do to a child what neat-python's do, as often.

Children of the same parents are bred in both ways, and how often each event happens is compared.
"""

import math
import random
import statistics
from collections import Counter
from copy import deepcopy
from functools import cache

import pytest
from genomes import breeder_of, config_of, line_of

from neatfool import cppn

CHILDREN = 1000

NOTHING = {
    key: 0
    for key in cppn.GenomeOptions.model_fields
    if key.endswith(("_mutate_rate", "_replace_rate", "_prob", "_add"))
}


@cache
def parents():
    """Two relatives with disabled connections, of common and other nodes."""
    rates = {"node_add_prob": 0.4, "node_delete_prob": 0.1, "conn_delete_prob": 0.1}
    line = line_of(breeder_of("neat", enabled_mutate_rate=0.1, **rates), 40)
    assert len(line[-1].nodes) > 8
    assert sum(not gene.enabled for gene in line[-1].connections.values()) > 3
    return line[-1], line[-15]


def ours(*parent_group, **given):
    return breeder_of("neat", **given).breed([parent_group] * CHILDREN, range(CHILDREN))


def neat_pythons(*parent_group, **given):
    config, state = config_of("neat", **given), random.getstate()
    random.seed(1)
    children = []
    for _ in range(CHILDREN):
        child = deepcopy(parent_group[0])
        if len(parent_group) > 1:
            wrapped = [deepcopy(parent) for parent in parent_group]
            wrapped[0].fitness, wrapped[1].fitness = 1.0, 0.0
            child = cppn.Genome()
            child.configure_crossover(*wrapped, config)
        child.mutate(config)
        children.append(child)
    random.setstate(state)
    return children


def same_rates(first, second, unlikely=5.0):
    """Whether two counts of outcomes of CHILDREN experiments may have the same probabilities."""
    for outcome in first.keys() | second.keys():
        a, b = first[outcome], second[outcome]
        p = (a + b) / (2 * CHILDREN)
        if abs(a - b) > unlikely * math.sqrt(2 * CHILDREN * p * max(1 - p, 0.0)) + 1:
            return False
    return True


def same_numbers(first, second):
    """Whether two samples may be of one distribution: Kolmogorov and Smirnov, p = 0.0001."""
    assert first
    assert second
    values = sorted(set(first) | set(second))
    first, second = sorted(first), sorted(second)
    gap = i = j = 0
    for value in values:
        while i < len(first) and first[i] <= value:
            i += 1
        while j < len(second) and second[j] <= value:
            j += 1
        gap = max(gap, abs(i / len(first) - j / len(second)))
    return gap < 2.23 * math.sqrt(1 / len(first) + 1 / len(second))


def structure(child, parent):
    """What happened to a child's structure, the new nodes' ids aside."""
    return (
        len(child.nodes) - len(parent.nodes),
        len(child.connections) - len(parent.connections),
        sum(not gene.enabled for gene in child.connections.values()),
    )


STRUCTURAL = {"conn_add_prob": 0.5, "conn_delete_prob": 0.3, "node_add_prob": 0.4}


@pytest.mark.parametrize(
    "given",
    [
        {"node_add_prob": 0.5},
        {"node_delete_prob": 0.5},
        {"conn_add_prob": 0.5},
        {"conn_delete_prob": 0.5},
        {**STRUCTURAL, "node_delete_prob": 0.2},
    ],
    ids=str,
)
def test_structural_mutations_are_as_frequent(given):
    parent = parents()[0]
    given = NOTHING | given
    counts = [
        Counter(structure(child, parent) for child in breed(parent, **given))
        for breed in (ours, neat_pythons)
    ]
    assert len(counts[0]) > 1
    assert same_rates(*counts)


@pytest.mark.slow
def test_which_connections_are_added_and_which_things_go_is_as_likely():
    parent = parents()[0]
    for key in ("conn_add_prob", "conn_delete_prob", "node_delete_prob"):
        given = NOTHING | {key: 1}
        counts = [
            Counter(
                frozenset(child.connections.keys() ^ parent.connections.keys())
                for child in breed(parent, **given)
            )
            for breed in (ours, neat_pythons)
        ]
        assert len(counts[0]) > 3
        assert same_rates(*counts)


def test_a_node_splits_a_connection_as_neat_pythons():
    parent = parents()[0]
    for child in ours(parent, **NOTHING | {"node_add_prob": 1, "bias_init_mean": 0.5})[:300]:
        (new,) = child.nodes.keys() - parent.nodes.keys()
        (into,) = (gene for edge, gene in child.connections.items() if edge[1] == new)
        (out,) = (gene for edge, gene in child.connections.items() if edge[0] == new)
        split = into.key[0], out.key[1]
        assert child.nodes[new].bias == 0.0
        assert not child.connections[split].enabled
        assert (into.weight, into.enabled) == (1.0, True)
        assert (out.weight, out.enabled) == (parent.connections[split].weight, True)
        assert list(child.connections)[-2:] == [into.key, out.key]
        assert list(child.nodes)[-1] == new


NUMBERS = [
    {"mutate_rate": 0.3, "replace_rate": 0.2},
    {"mutate_rate": 0.3, "replace_rate": 0.2, "init_type": "uniform", "init_stdev": 2.0},
    {"mutate_rate": 0.8, "replace_rate": 0.7, "mutate_power": 3.0},
    {"mutate_rate": 0.0, "replace_rate": 0.4, "init_stdev": 30.0},
    {"mutate_rate": 0.0, "replace_rate": 1.0, "init_stdev": 8.0, "init_type": "uniform"},
    {"mutate_rate": 1.0, "mutate_power": 0.1, "max_value": 1.5, "init_mean": 1.0},
    {"replace_rate": 0.5, "init_stdev": 0.0},
]


@pytest.mark.parametrize("values", NUMBERS, ids=str)
@pytest.mark.parametrize("name", ["weight", "bias", "response"])
@pytest.mark.slow
def test_numbers_change_as_often_and_as_far(name, values):
    parent = parents()[0]
    given = NOTHING | {f"{name}_{key}": value for key, value in values.items()}
    samples = []
    for breed in (ours, neat_pythons):
        children = breed(parent, **given)
        kind = "connections" if name == "weight" else "nodes"
        key = list(getattr(parent, kind))[1]
        samples.append([getattr(getattr(child, kind)[key], name) for child in children])
        old = getattr(getattr(parent, kind)[key], name)
        samples.append(Counter(value == old for value in samples[-1]))
    assert same_numbers(samples[0], samples[2])
    assert same_rates(samples[1], samples[3])


@pytest.mark.parametrize(
    "given",
    [
        {"enabled_mutate_rate": 0.3},
        {"enabled_rate_to_true_add": 0.4},
        {"enabled_rate_to_false_add": 0.4},
        {"enabled_mutate_rate": 0.5, "enabled_rate_to_false_add": -0.3},
        {"enabled_mutate_rate": 0.9, "enabled_rate_to_true_add": 0.9},
        {"activation_mutate_rate": 0.4, "activation_options": "sin gauss abs"},
    ],
    ids=str,
)
def test_names_and_truth_values_change_as_often(given):
    parent = parents()[0]
    given = {"activation_default": "random", **NOTHING, **given}
    counts = [
        Counter(
            (gene.key if n < 3 else gene.enabled, *[*vars(gene).values()][1:3])
            for child in breed(parent, **given)
            for n, gene in enumerate([*list(child.nodes.values())[:3], *child.connections.values()])
        )
        for breed in (ours, neat_pythons)
    ]
    assert same_rates(*counts)


@pytest.mark.parametrize(
    "given",
    [
        {"activation_default": "random", "weight_init_type": "uniform"},
        {"activation_default": "sin", "enabled_default": "random"},
        {"enabled_default": "False"},
        {"response_init_stdev": 1, "response_init_type": "uniform", "weight_init_mean": 2},
    ],
    ids=str,
)
@pytest.mark.slow
def test_new_genes_begin_as_neat_pythons(given):
    parent = parents()[0]
    nodes, connections = [], []
    for breed in (ours, neat_pythons):
        children = breed(parent, **NOTHING | given | {"node_add_prob": 1})
        nodes.append([[*vars(list(child.nodes.values())[-1]).values()] for child in children])
        children = breed(parent, **NOTHING | given | {"conn_add_prob": 1})
        connections.append(
            [
                [*vars(child.connections[edge]).values()]
                for child in children
                for edge in child.connections.keys() - parent.connections.keys()
            ]
        )
    for genes, names, numbers in ((nodes, [1, 2], [3, 4, 5]), (connections, [2], [1])):
        for column in names:
            assert same_rates(*[Counter(values[column] for values in sample) for sample in genes])
        for column in numbers:
            assert same_numbers(*[[values[column] for values in sample] for sample in genes])


def test_crossover_inherits_as_often_from_either_parent():
    fitter, other = parents()
    inherited = []
    for breed in (ours, neat_pythons):
        counts = Counter()
        for child in breed(fitter, other, **NOTHING):
            assert list(child.nodes) == list(fitter.nodes)
            assert child.connections.keys() == fitter.connections.keys()
            if breed is ours:
                assert list(child.connections) == list(fitter.connections)
            for key, gene in child.nodes.items():
                counts[key, gene.activation] += 1
                counts[key, gene.bias] += 1
                counts[key, gene.activation, gene.bias] += 1
            for edge, gene in child.connections.items():
                counts[edge, gene.weight, gene.enabled] += 1
        inherited.append(counts)
    assert len(inherited[0]) > len(fitter.nodes) + len(fitter.connections) + 20
    assert same_rates(*inherited)


def test_all_together_is_as_likely():
    fitter, other = parents()
    sizes, weights, disabled = [], [], []
    for breed in (ours, neat_pythons):
        children = breed(fitter, other)
        sizes.append(Counter(child.size() for child in children))
        weights.append(
            [statistics.fmean(gene.weight for gene in c.connections.values()) for c in children]
        )
        disabled.append(
            [sum(not gene.enabled for gene in c.connections.values()) for c in children]
        )
    assert same_rates(*sizes)
    assert same_numbers(*weights)
    assert same_numbers(*disabled)


def test_the_comparisons_see_small_differences():
    parent = parents()[0]
    counts = [
        Counter(
            structure(child, parent) for child in breed(parent, **NOTHING | {"node_add_prob": p})
        )
        for breed, p in ((ours, 0.5), (neat_pythons, 0.65))
    ]
    assert not same_rates(*counts)
    samples = [
        [
            child.nodes[0].bias
            for child in breed(parent, **NOTHING | {"bias_mutate_rate": 1, "bias_mutate_power": p})
        ]
        for breed, p in ((ours, 0.4), (neat_pythons, 0.7))
    ]
    assert not same_numbers(*samples)
