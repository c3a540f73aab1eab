from __future__ import annotations

import json
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from PIL import Image

from neatfool import ExperimentError, StorageError
from neatfool.present import draw_graph, export_graph

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def content(graph: nx.DiGraph) -> tuple[dict, dict]:
    return dict(graph.nodes(data=True)), {edge: graph.edges[edge] for edge in graph.edges}


@pytest.mark.parametrize("suffix", [".graphml", ".json"])
def test_a_graph_reads_back_with_every_attribute(
    tmp_path: Path, make_graph: Callable[..., nx.DiGraph], suffix: str
) -> None:
    graph = make_graph(12)
    path = export_graph(graph, tmp_path / f"g{suffix}")
    if suffix == ".graphml":
        read = nx.read_graphml(path, node_type=int)
    else:
        read = nx.node_link_graph(json.loads(path.read_text(encoding="utf-8")), edges="edges")
    assert content(read) == content(graph)


def test_numbers_of_numpy_are_written_as_numbers(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_node(0, bias=np.float32(0.5), layer=np.int64(1))
    graph.add_node(1)
    graph.add_edge(0, 1, weight=np.float64(-2.5), enabled=np.bool_(True))
    for suffix in (".graphml", ".json"):
        export_graph(graph, tmp_path / f"g{suffix}")
    read = nx.read_graphml(tmp_path / "g.graphml", node_type=int)
    assert read.nodes[0] == {"bias": 0.5, "layer": 1}
    assert read.edges[0, 1] == {"weight": -2.5, "enabled": True}


def test_graphml_leaves_out_what_it_cannot_say(tmp_path: Path) -> None:
    graph = nx.DiGraph()
    graph.add_node(0, activation=None, bias=0.5)
    path = export_graph(graph, tmp_path / "g.graphml")
    assert nx.read_graphml(path, node_type=int).nodes[0] == {"bias": 0.5}
    assert graph.nodes[0] == {"activation": None, "bias": 0.5}


def test_drawings_are_written_too(tmp_path: Path, make_graph: Callable[..., nx.DiGraph]) -> None:
    graph = make_graph(3)
    assert export_graph(graph, tmp_path / "g.svg").read_bytes() == draw_graph(graph)
    with Image.open(export_graph(graph, str(tmp_path / "g.PNG"))) as image:
        assert image.format == "PNG"


@pytest.mark.parametrize("name", ["g.gml", "g"])
def test_an_unknown_suffix_is_an_error_that_lists_the_known_ones(tmp_path: Path, name: str) -> None:
    with pytest.raises(ExperimentError, match=r"\.graphml, \.json, \.svg, \.png"):
        export_graph(nx.DiGraph(), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"nowhere.*g\.json: cannot be written"):
        export_graph(nx.DiGraph(), tmp_path / "nowhere" / "g.json")
