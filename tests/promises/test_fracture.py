"""The measures of docs/results-images.md: what they find, and what changes none of them."""

import math
import sys
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from neatfool import cppn
from neatfool.testing import GREY
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions

sys.path.insert(0, str(Path(__file__).parents[2] / "docs"))
from fracture import births
from weight_sweeps import sweep, sweep_genome, sweep_weights, take_weights

ENCODING = CppnEncoding(CppnOptions(inputs="normalised"), spec=GREY)


def network(functions, connections):
    """A grey CPPN of these nodes, each with its activation, and connections with their weights."""
    nodes = [cppn.NodeGene(key, name, "sum", 0.0, 1.0, 1.0) for key, name in functions.items()]
    return cppn.Genome.of(nodes, [cppn.ConnectionGene(*each, True) for each in connections])


def genome(*connections, activation="paper_linear"):
    """A grey CPPN with one hidden node, 5, and these connections; 6 leads nowhere."""
    return network(dict.fromkeys((0, 5, 6), activation), connections)


def test_a_weight_without_effect_counts_none():
    idle = genome(((-1, 0), 1.0), ((-2, 6), 1.0))
    told = sweep_genome(ENCODING, idle)
    assert told.effective.tolist() == [True, False]
    alone = sweep_genome(ENCODING, genome(((-1, 0), 1.0)))
    assert told.fracture == alone.fracture
    nothing = sweep_genome(ENCODING, genome(((-2, 6), 1.0)))
    assert math.isnan(nothing.fracture)
    assert math.isnan(nothing.entangled)
    assert math.isnan(sweep_genome(ENCODING, genome()).fracture)


def test_a_weight_that_changes_the_picture_evenly_is_not_fractured():
    told = sweep_genome(ENCODING, genome(((-4, 0), 1.5)))
    assert told.fracture < 0.01
    assert told.entangled == pytest.approx(1)


def test_larger_sweeps_tell_a_chaotic_network_from_a_calm_one():
    calm = genome(((-1, 5), 1.0), ((5, 0), 1.0), activation="paper_sine")
    wild = genome(((-1, 5), 10.0), ((5, 0), 90.0), activation="paper_sine")
    fracture = [sweep_genome(ENCODING, each, span=0.2).fracture for each in (calm, wild)]
    assert fracture[0] < 0.01
    assert fracture[1] > 0.3


def test_a_sweep_has_the_picture_itself_in_the_middle():
    own = genome(((-1, 0), 2.0), ((-2, 0), -1.0))
    edges, weights, draw = take_weights(ENCODING, own)
    assert (edges, weights) == ([(-1, 0), (-2, 0)], [2.0, -1.0])
    pictures = sweep(draw, 0, 2.0, 0.5)
    assert pictures.shape == (9, 1, 64, 64)
    assert np.array_equal(pictures[4], ENCODING.render_at(own, 64, 64).numpy())
    half = genome(((-1, 0), 1.0), ((-2, 0), -1.0))
    assert np.array_equal(pictures[0], ENCODING.render_at(half, 64, 64).numpy())


# A picture of sines, in which each connection does something else.
PARTS = (((-1, 5), 4.0), ((-2, 5), 2.0), ((5, 0), 1.5), ((-3, 0), 0.5), ((-2, 0), 0.25))
MEASURES = ("fracture", "entangled", "shared")


def measures(*connections, middle="paper_sine", extra=()):
    """Measure a CPPN with the hidden node 5, and 7 if an extra connection needs it."""
    functions = {0: "paper_sine", 5: middle} | dict.fromkeys(extra, "identity")
    told = sweep_genome(ENCODING, network(functions, connections))
    return [getattr(told, name) for name in MEASURES], int(told.effective.sum())


def test_what_leads_nowhere_or_weighs_nothing_changes_no_measure():
    alone = measures(*PARTS)
    assert alone[1] == len(PARTS)
    assert all(0 < value < 1 for value in alone[0])
    assert measures(*PARTS, ((-1, 7), 3.0), ((5, 7), 1.0), extra=(7,)) == alone
    assert measures(*PARTS, ((-1, 0), 0.0)) == alone


def test_the_scale_of_a_linear_node_changes_no_measure():
    small = measures(*PARTS, middle="identity")
    into = [(edge, weight * 4 if edge[1] == 5 else weight) for edge, weight in PARTS]
    scaled = [(edge, weight / 4 if edge[0] == 5 else weight) for edge, weight in into]
    assert measures(*scaled, middle="identity") == small


def test_the_order_of_nodes_and_connections_changes_no_measure():
    renamed = [tuple({5: 9}.get(key, key) for key in edge) for edge, _ in PARTS]
    other = [(edge, weight) for edge, (_, weight) in zip(renamed, PARTS, strict=True)][::-1]
    told = sweep_genome(ENCODING, network(dict.fromkeys((9, 0), "paper_sine"), other))
    values = [getattr(told, name) for name in MEASURES]
    # Another order of a sum may round a few of the pixels otherwise.
    assert values == pytest.approx(measures(*PARTS)[0], abs=0.005)


@pytest.mark.parametrize("split", range(len(PARTS)))
def test_a_linear_node_within_a_connection_counts_it_twice_and_no_more(split):
    alone, effective = measures(*PARTS)
    (source, target), weight = PARTS[split]
    rest = [part for part in PARTS if part is not PARTS[split]]
    more, counted = measures(*rest, ((source, 7), weight), ((7, target), 1.0), extra=(7,))
    assert counted == effective + 1
    for before, after, most in zip(alone, more, (1, 1, 2), strict=True):
        assert abs(after - before) <= most / (effective + 1) + 1e-9


def paint(base, *brushes):
    """A network that adds its weights times these brushes, each a part of an image of 64 x 64."""

    def draw(place, value):
        weights = [value if place == number else 1.0 for number in range(len(brushes))]
        image = base + sum(weight * brush for weight, brush in zip(weights, brushes, strict=True))
        return image.clip(0, 255).astype(np.uint8)[None]

    return sweep_weights(draw, [1.0] * len(brushes))


def test_weights_that_change_the_same_share_it_and_weights_apart_do_not():
    left, right = np.zeros((2, 64, 64))
    left[:, :16], right[:, 48:] = 40, 40
    base = np.full((64, 64), 100.0)
    assert paint(base, left, left).shared == pytest.approx(1)
    apart = paint(base, left, right)
    assert apart.shared == pytest.approx(0)
    assert apart.entangled == pytest.approx(0.25)
    whole = paint(base, left + right, left)
    assert whole.shared == pytest.approx(0.5, abs=0.02)
    assert whole.entangled == pytest.approx(0.375)


def test_a_part_that_moves_is_more_fractured_than_one_that_fades():
    def move(_place, value):
        image = np.zeros((1, 64, 64), np.uint8)
        column = 32 + round(100 * (value - 1))
        image[..., column : column + 2] = 80
        return image

    assert sweep_weights(move, [1.0]).fracture == pytest.approx(1)
    half = np.zeros((64, 64))
    half[:, :32] = 40
    assert paint(half, half).fracture < 0.01


def test_a_child_switched_that_took_none_of_the_niches_of_its_only_parent():
    graph = nx.DiGraph([(1, 2), (1, 3), (1, 4), (1, 5), (2, 5)])
    held = {1: ["a", "b"], 2: ["b", "c"], 3: ["c"], 4: ["c"], 5: ["a"]}
    made = {1: "first", 2: "bred", 3: "bred", 4: "learned", 5: "bred"}
    for id_, names in held.items():
        graph.nodes[id_].update(held=dict.fromkeys(names, 0.5), kind=made[id_])
    pairs = births(graph, 9)
    assert pairs == {"learned": [(1, 4)], "bred": [(1, 2)], "switched": [(1, 3)]}
