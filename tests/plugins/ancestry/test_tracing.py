"""What ancestry measures: kinds, relations found and not found, likeness, fracture."""

from __future__ import annotations

import math
from types import SimpleNamespace

import networkx as nx
import numpy as np
import pytest
from scipy.sparse import csr_array
from scipy.stats import rankdata

from neatfool import cppn
from neatfool.testing import GREY
from neatfool_plugins.ancestry.fracture import sweep, sweep_genome, sweep_weights, take_weights
from neatfool_plugins.ancestry.goal_switches import GoalSwitches, goal_switches
from neatfool_plugins.ancestry.measure import nearer, recur, relate
from neatfool_plugins.ancestry.relations import find_common_ancestors, relate_by_wordnet
from neatfool_plugins.ancestry.weight_sweep import plan_pairs
from neatfool_plugins.cppn import CppnEncoding
from neatfool_plugins.cppn import Options as CppnOptions
from neatfool_plugins.imagenet.labels import imagenet_labels

# --- kinds


@pytest.fixture(scope="module")
def imagenet():
    names = imagenet_labels()
    kinds = relate_by_wordnet(names)

    def alike(a, b):
        return kinds.likeness[names.index(a), names.index(b)]

    return names, kinds, alike


def test_wordnet_knows_all_classes_of_imagenet(imagenet):
    names, kinds, _ = imagenet
    assert kinds.known.tolist() == list(range(1000))
    assert np.allclose(kinds.likeness.diagonal(), 1)
    assert np.array_equal(kinds.likeness, kinds.likeness.T)
    for name, kind in {
        "beagle": "dog, wolf, fox",
        "tabby": "cat",
        "zebra": "other mammal",
        "robin": "bird",
        "school bus": "vehicle",
        "banjo": "musical instrument",
        "strawberry": "food, plant",
        "volcano": "landscape",
    }.items():
        assert kinds.broad[kinds.places[names.index(name)]] == kind


def test_classes_are_the_more_alike_the_smaller_the_kind_that_holds_both(imagenet):
    _, _, alike = imagenet
    assert alike("beagle", "bluetick") > alike("beagle", "tabby") > alike("beagle", "goldfish")
    assert alike("beagle", "goldfish") > alike("beagle", "volcano")
    # 130 of the 1000 classes are canines, of which 118 are dogs; a fox is no dog.
    assert alike("beagle", "red fox") == pytest.approx(1 - math.log(130) / math.log(1000))


def test_classes_of_another_target_are_not_imagenets():
    assert relate_by_wordnet([str(digit) for digit in range(10)]) is None


def test_the_closest_common_ancestor_is_found_through_either_parent():
    tree = nx.DiGraph([("a", "b"), ("a", "c"), ("b", "x"), ("c", "x"), ("c", "y"), ("d", "z")])
    values = {name: place for place, name in enumerate("abcdxyz")}
    found = find_common_ancestors(tree, values, ["x", "y", "z", "b"])
    assert found.tolist() == [[4, 2, -1, 1], [2, 5, -1, 0], [-1, -1, 6, -1], [1, 0, -1, 1]]


# --- goal switches


def test_a_switch_comes_from_each_class_that_the_fitter_parent_held_in_equal_parts():
    graph = nx.DiGraph()
    graph.add_node(1, generation=0, held={"a": 0.5, "b": 0.5})
    graph.add_node(2, generation=0, held={"c": 0.5, "d": 0.5})
    graph.add_node(3, generation=1, held={"a": 0.6, "c": 0.6})  # it is its parent's niche a
    graph.add_edge(1, 3, position=0)
    graph.add_edge(2, 3, position=1)  # and c, of the other parent
    graph.add_node(4, generation=2, held={"d": 0.7})
    graph.add_edge(1, 4, position=0)
    graph.add_node(5, generation=3, held={"b": 0.8})
    graph.add_edge(3, 5, position=0)
    run = SimpleNamespace(classes=list("abcd"), searched=[0, 1, 2, 3])
    found = goal_switches(run, graph)
    # d from b, as 1 had lost a to 3; b from a and c, which 3 held.
    assert found.counts == [[0, 0.5, 0, 0], [0, 0, 0, 1], [0, 0.5, 0, 0], [0] * 4]
    assert found.total == 2
    assert found.largest(1) == [("b", "d", "1", "-")]


def test_a_ratio_to_chance_has_an_interval_and_at_least_five_switches():
    counts, expected = [[0, 5], [4, 0]], [[0, 0.5], [0.5, 0]]
    none = csr_array((0, 2))
    found = GoalSwitches(
        groups=("a", "b"), counts=counts, expected=expected, origins=none, taken=none
    )
    # Of 5 counts the exact interval is 1.62 to 11.67.
    assert found.largest(2) == [
        ("a", "b", "5", "10.0 x (3.2 to 23.3)"),
        ("b", "a", "4", "-"),
    ]


def test_switches_between_a_hundred_thousand_classes_need_no_matrix_of_all_pairs():
    classes = [f"c{number}" for number in range(100_000)]
    graph = nx.DiGraph()
    graph.add_node(1, generation=0, held=dict.fromkeys(classes[::2], 0.5))
    graph.add_node(2, generation=0, held=dict.fromkeys(classes[1::2], 0.5))
    graph.add_node(3, generation=1, held=dict.fromkeys(classes[1::2], 0.6))
    graph.add_edge(1, 3, position=0)
    found = goal_switches(SimpleNamespace(classes=classes, searched=range(100_000)), graph)
    assert found.total == 50_000
    assert found.sum_between(range(100_000), np.arange(100_000) % 2, 2).tolist() == [
        pytest.approx([0, 50_000]),
        [0, 0],
    ]


# --- chance


def planted(rng, classes=40, kinds=5):
    of = rng.permutation(np.arange(classes) % kinds)
    likeness = np.where(of[:, None] == of, 0.7, 0.1)
    noise = rng.normal(size=(classes, classes))
    return likeness, likeness + 0.3 * (noise + noise.T)


def test_a_planted_relation_is_found_and_gone_when_labels_are_shuffled():
    rng = np.random.default_rng(0)
    likeness, matrix = planted(rng)
    other = rng.permutation(len(matrix))
    shuffled = matrix[np.ix_(other, other)]
    told = relate(
        likeness,
        {"planted": matrix, "shuffled": shuffled},
        {"flows": np.maximum(matrix, 0), "shuffled flows": np.maximum(shuffled, 0)},
        permutations=199,
        seed=1,
    )
    for name in ("planted", "flows"):
        assert told[name].p == 1 / 200
        assert told[name].deviations > 5
    for name in ("shuffled", "shuffled flows"):
        assert told[name].p > 0.05
    assert told["planted"].observed > 0.3
    assert abs(told["planted"].by_chance) < 0.03


def test_the_rank_correlation_is_spearmans():
    from scipy import stats

    likeness, matrix = planted(np.random.default_rng(3), classes=12, kinds=3)
    off = ~np.eye(12, dtype=bool)
    told = relate(likeness, {"it": matrix}, {}, permutations=19, seed=1)
    expected = stats.spearmanr(likeness[off], matrix[off]).statistic
    assert told["it"].observed == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("seed", range(6))
def test_permutations_that_give_as_much_count_although_their_last_bits_differ(seed):
    rng = np.random.default_rng(seed)
    likeness = (np.arange(8)[:, None] % 2 == np.arange(8) % 2).astype(float)
    matrix = rng.integers(0, 4, (8, 8)) * 1.0
    matrix, off = matrix + matrix.T, ~np.eye(8, dtype=bool)
    ranks = np.zeros((2, 8, 8), int)
    ranks[:, off] = [2 * rankdata(each[off]) for each in (likeness, matrix)]
    chance, observed = np.random.default_rng(1), (ranks[0] * ranks[1]).sum()
    orders = [chance.permutation(8) for _ in range(199)]
    as_much = sum((ranks[0][o][:, o] * ranks[1]).sum() >= observed for o in orders)
    found = relate(likeness, {"it": matrix}, {}, permutations=199, seed=1)["it"]
    assert found.p == (1 + as_much) / 200


def test_what_recurs_between_runs_is_found_and_what_does_not_is_not():
    rng = np.random.default_rng(0)
    common, own = rng.normal(size=(20, 50)), rng.normal(size=(3, 20, 50))

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=-1, keepdims=True)

    same, different = unit(common + own), unit(own)
    assert recur(same, permutations=199, seed=1).p == 1 / 200
    assert recur(different, permutations=199, seed=1).p > 0.05
    pairs = [np.mean(np.sum(same[a] * same[b], -1)) for a, b in ((0, 1), (0, 2), (1, 2))]
    assert recur(same, permutations=19, seed=1).observed == pytest.approx(np.mean(pairs))
    assert nearer(same) > 0.95
    assert nearer(different) == pytest.approx(0.5, abs=0.06)


# --- fracture

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
    pairs = plan_pairs(graph, 9, seed=1)
    assert pairs == {"learned": [(1, 4)], "bred": [(1, 2)], "switched": [(1, 3)]}
