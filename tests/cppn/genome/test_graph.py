import io
import json

import networkx as nx
import pytest
from genomes import genomes
from hypothesis import given

from neatfool import GenomeError, cppn


def graph_of(genome, outputs=("0", "1", "2")):
    return cppn.NeatNetwork(genome, outputs=outputs).graph()


def through_graphml(graph):
    buffer = io.BytesIO()
    nx.write_graphml(graph, buffer)
    buffer.seek(0)
    return nx.read_graphml(buffer)


def through_json(graph):
    text = json.dumps(nx.node_link_data(graph, edges="edges"), allow_nan=False)
    return nx.node_link_graph(json.loads(text), edges="edges")


@pytest.mark.parametrize("through", [lambda graph: graph, through_graphml, through_json])
@given(genome=genomes())
def test_a_graph_gives_the_equal_genome_back(through, genome):
    read = through(graph_of(genome, outputs=("hue", "saturation", "value")))
    assert cppn.from_graph(read) == genome


def small_genome():
    return cppn.Genome.of(
        [
            cppn.NodeGene(0, "sin", bias=0.5),
            cppn.NodeGene(1, "tanh"),
            cppn.NodeGene(2, "abs"),
            cppn.NodeGene(10, "gauss", response=2.0),
            cppn.NodeGene(11, "identity"),
        ],
        [
            cppn.ConnectionGene((-1, 10), 1.5),
            cppn.ConnectionGene((10, 11), -2.0),
            cppn.ConnectionGene((11, 0), 3.0),
            cppn.ConnectionGene((-2, 0), 4.0),
            cppn.ConnectionGene((11, 1), 5.0, enabled=False),
        ],
    )


def test_nodes_say_what_they_are():
    nodes = graph_of(small_genome(), outputs=("hue", "saturation", "value")).nodes
    assert {key: data["label"] for key, data in nodes(data=True) if data["kind"] == "input"} == {
        -1: "x",
        -2: "y",
        -3: "d",
        -4: "1",
    }
    assert [nodes[key]["kind"] for key in (0, 1, 2, 10, 11)] == ["output"] * 3 + ["hidden"] * 2
    assert [nodes[key]["label"] for key in (0, 1, 2)] == ["hue", "saturation", "value"]
    assert nodes[0]["bias"] == 0.5
    assert (
        nodes[10].items()
        >= {
            "activation": "gauss",
            "aggregation": "sum",
            "bias": 0.0,
            "response": 2.0,
        }.items()
    )


def test_edges_are_the_connections_disabled_ones_too():
    genome = small_genome()
    edges = graph_of(genome).edges
    assert set(edges) == set(genome.connections)
    assert edges[11, 1]["enabled"] is False
    assert edges[11, 1]["weight"] == 5.0
    assert all(edges[key]["innovation"] == genome.connections[key].innovation for key in edges)


def test_a_layer_is_the_longest_way_over_enabled_connections():
    nodes = graph_of(small_genome()).nodes
    assert {key: nodes[key]["layer"] for key in nodes} == {
        **dict.fromkeys((-1, -2, -3, -4), 0),
        10: 1,
        11: 2,
        0: 3,
        1: 1,
        2: 1,
    }


def test_a_graph_drawn_by_hand_is_enough():
    graph = nx.DiGraph()
    graph.add_node("0", activation="sin")
    graph.add_edge("-1", "0", weight=2)
    assert cppn.from_graph(graph) == cppn.Genome.of(
        [cppn.NodeGene(0, "sin")], [cppn.ConnectionGene((-1, 0), 2.0)]
    )


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda g: g.nodes[0].pop("activation"), "node 0: has no activation; give"),
        (lambda g: g.nodes[0].update(activation="gaus"), "no 'gaus'; did you mean 'gauss'"),
        (lambda g: g.nodes[0].update(bias="thick"), "node 0: bias: Input should be a valid num"),
        (lambda g: g.nodes[0].update(bias=float("nan")), "its bias is nan"),
        (lambda g: g.edges[-1, 10].update(weight=None), "edge -1 -> 10: weight: Input should be"),
        (lambda g: g.add_edge(10, -1, weight=1.0), "connection 10 -> -1: goes into an input"),
        (lambda g: g.add_edge(-9, 10, weight=1.0), "-9 -> 10: here a genome has 4 inputs"),
        (lambda g: g.remove_nodes_from([*g]), "the outputs"),
        (lambda g: g.remove_node(1), r"the outputs \[0, 2\]: a genome's are the nodes 0, 1"),
        (lambda g: g.add_edge(0, 10, weight=1.0), "close a cycle: "),
        (lambda g: g.add_edge("a", 10, weight=1.0), "node 'a': a genome's ids are integers"),
    ],
)
def test_a_graph_of_something_else_is_refused_with_the_reason(break_it, message):
    graph = graph_of(small_genome())
    break_it(graph)
    with pytest.raises(GenomeError, match=message) as caught:
        cppn.from_graph(graph)
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize("kind", [nx.MultiDiGraph, nx.Graph])
def test_a_graph_has_one_edge_from_a_node_to_another_and_it_has_a_direction(kind):
    with pytest.raises(GenomeError, match="not a directed graph"):
        cppn.from_graph(kind(graph_of(small_genome())))
