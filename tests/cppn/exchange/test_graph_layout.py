from itertools import pairwise

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from neatfool.cppn.exchange.graph_layout import lay_out


def layered(*edges):
    graph = nx.DiGraph(edges)
    for node in graph:
        kind = "input" if node < 0 else "output" if node < 10 else "hidden"
        graph.nodes[node]["kind"] = kind
    return graph


def crossings(graph):
    """Count the crossings of edges between neighbouring columns of a layout."""
    layout = lay_out(graph)
    pieces = [piece for route in layout.routes.values() for piece in pairwise(route)]
    return sum(
        a[0] == c[0] and (a[1] - c[1]) * (b[1] - d[1]) < 0
        for i, (a, b) in enumerate(pieces)
        for c, d in pieces[:i]
    )


def test_inputs_are_in_the_first_column_outputs_in_the_last():
    layout = lay_out(layered((-1, 10), (10, 11), (11, 0), (-2, 1)))
    columns = {node: place[0] for node, place in layout.places.items()}
    assert columns == {-1: 0, -2: 0, 10: 1, 11: 2, 0: 3, 1: 3}


def test_inputs_keep_their_order():
    layout = lay_out(layered((-3, 0), (-1, 1), (-2, 0), (-4, 2)))
    rows = [layout.places[node][1] for node in (-1, -2, -3, -4)]
    assert rows == sorted(rows)


def test_given_layers_decide_the_columns():
    graph = layered((-1, 10), (-1, 11), (10, 0), (11, 0))
    nx.set_node_attributes(graph, {-1: 0, 10: 1, 11: 4, 0: 7}, "layer")
    layout = lay_out(graph)
    assert [layout.places[node][0] for node in (-1, 10, 11, 0)] == [0, 1, 2, 3]


def test_a_long_edge_bends_in_each_column_that_it_passes():
    layout = lay_out(layered((-1, 10), (10, 11), (11, 0), (-1, 0)))
    assert [column for column, _ in layout.routes[-1, 0]] == [0, 1, 2, 3]


def test_edges_that_need_not_cross_do_not():
    graph = layered((-1, 13), (-2, 12), (-3, 11), (-4, 10), (13, 0), (12, 0), (11, 1), (10, 1))
    assert crossings(graph) == 0


def test_nodes_of_a_cycle_share_a_column():
    layout = lay_out(layered((-1, 10), (10, 11), (11, 10), (11, 0)))
    assert layout.places[10][0] == layout.places[11][0] == 1


def test_a_hidden_node_without_inputs_is_not_among_the_inputs():
    assert lay_out(layered((-1, 0), (10, 0))).places[10][0] == 1


def test_an_empty_graph_has_an_empty_layout():
    assert lay_out(nx.DiGraph()).places == {}


@given(st.sets(st.tuples(st.integers(-4, 19), st.integers(0, 19)), max_size=60))
def test_no_two_nodes_of_any_graph_overlap(edges):
    places = lay_out(layered(*edges)).places
    for node, (column, row) in places.items():
        others = (place for other, place in places.items() if other != node)
        assert all(c != column or abs(r - row) > 0.99 for c, r in others)
