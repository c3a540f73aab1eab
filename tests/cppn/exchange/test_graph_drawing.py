import io
import xml.etree.ElementTree as ET

import matplotlib as mpl
import networkx as nx
import numpy as np
import pytest
from other_process import run_python
from pages import texts
from PIL import Image

from neatfool.cppn import draw_graph
from neatfool.cppn.exchange.graph_drawing import FAINT, influential
from neatfool.figure import DISABLED, NEGATIVE, POSITIVE


@pytest.fixture
def graph():
    """x -> 5 -> grey; 6 leads nowhere, the edge from x to grey is disabled."""
    graph = nx.DiGraph()
    graph.add_node(-1, kind="input", label="x", layer=0)
    graph.add_node(0, kind="output", label="grey", layer=2, activation="sin", aggregation="sum")
    graph.add_node(5, kind="hidden", label="5", layer=1, activation="gauss", aggregation="max")
    graph.add_node(6, kind="hidden", label="6", layer=1, activation="odd", aggregation="sum")
    graph.add_edge(-1, 5, weight=3.0, enabled=True)
    graph.add_edge(5, 0, weight=-1.0, enabled=True)
    graph.add_edge(-1, 6, weight=-2.0, enabled=True)
    graph.add_edge(-1, 0, weight=9.0, enabled=False)
    return graph


def test_inputs_outputs_activations_and_other_aggregations_are_named(graph):
    found = texts(draw_graph(graph))
    assert {"x", "grey", "sin", "gauss", "odd", "max"} <= set(found)
    assert "sum" not in found


def test_edges_show_sign_size_and_whether_they_are_enabled(graph):
    svg = draw_graph(graph).decode()
    styles = [part.split('"')[0] for part in svg.split('style="')[1:]]
    edges = [style for style in styles if "fill: none" in style and "opacity" in style]
    kinds = {
        name: [style for style in edges if f"stroke: {colour}" in style and needed in style]
        for name, colour, needed in (
            ("strong", POSITIVE, "opacity: 0.85"),
            ("weak", NEGATIVE, "opacity: 0.85"),
            ("dead end", NEGATIVE, f"opacity: {FAINT}"),
            ("disabled", DISABLED, "stroke-dasharray"),
        )
    }
    assert {name: len(found) for name, found in kinds.items()} == dict.fromkeys(kinds, 1)
    wide, thin = (
        float(kinds[name][0].split("stroke-width: ")[1].split(";")[0])
        for name in ("strong", "weak")
    )
    assert wide > thin


def test_only_what_leads_to_an_output_over_enabled_edges_is_influential(graph):
    assert influential(graph) == {-1, 5, 0}
    graph.edges[-1, 5]["enabled"] = False
    assert influential(graph) == {5, 0}


def test_equal_graphs_give_equal_bytes(graph):
    other = nx.DiGraph()
    other.add_nodes_from(reversed(list(graph.nodes(data=True))))
    other.add_edges_from(reversed(list(graph.edges(data=True))))
    for kind in ("svg", "png"):
        assert draw_graph(graph, format=kind) == draw_graph(other, format=kind)


def test_a_png_shows_something_and_its_background_can_be_transparent(graph):
    pixels = np.asarray(Image.open(io.BytesIO(draw_graph(graph, format="png", background=None))))
    assert pixels[0, 0, 3] == 0
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 50


def test_a_label_is_text_whatever_is_in_it(graph):
    graph.nodes[0]["label"] = "<b>&$x_1$"
    assert "<b>&$x_1$" in texts(draw_graph(graph))


@pytest.mark.parametrize(
    "graph",
    [
        nx.DiGraph(),
        nx.DiGraph([("a", "b"), ("b", "a"), ("b", "b"), ("b", "c")]),
        nx.empty_graph(3, create_using=nx.DiGraph),
    ],
    ids=["empty", "cycle and loop", "no edges"],
)
def test_graphs_without_any_attribute_are_drawn_too(graph):
    assert ET.fromstring(draw_graph(graph)).tag.endswith("svg")


def test_a_large_graph_stays_apart_and_small(make_graph):
    svg = draw_graph(make_graph(60, outputs=("hue", "saturation", "value")))
    assert len(svg) < 250_000


def test_drawing_leaves_the_settings_of_matplotlib_alone(graph):
    before = dict(mpl.rcParams)
    draw_graph(graph)
    assert dict(mpl.rcParams) == before


@pytest.mark.slow
def test_importing_the_report_loads_no_matplotlib_and_drawing_no_pyplot():
    code = (
        "import sys, networkx; from neatfool.cppn import draw_graph;"
        "assert 'matplotlib' not in sys.modules;"
        "draw_graph(networkx.DiGraph([(1, 2)]));"
        "assert 'matplotlib.pyplot' not in sys.modules"
    )
    run_python(code)
