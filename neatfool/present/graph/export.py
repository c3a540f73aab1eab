"""Writes a genome's graph to a file."""

import json
from pathlib import Path

import networkx as nx
import numpy as np

from neatfool.errors import ExperimentError
from neatfool.present.graph.drawing import draw_graph
from neatfool.present.saving import save


def export_graph(graph: nx.DiGraph, path: str | Path) -> Path:
    """Write a graph in the format that the file's suffix names.

    ``.graphml`` and ``.json`` (networkx's node-link data) keep every attribute. networkx reads them
    back: ``nx.read_graphml(path, node_type=int)`` and
    ``nx.node_link_graph(json.load(file), edges="edges")``. ``.svg`` and ``.png`` are
    drawings.

    Args:
        graph: The graph.
        path: The file to write; its folder must exist.

    Returns:
        The file.

    Raises:
        ExperimentError: No format has that suffix.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    match path.suffix.lower():
        case ".graphml":
            text = "\n".join(nx.generate_graphml(_native(graph, none=False)))
        case ".json":
            data = nx.node_link_data(_native(graph), edges="edges")
            text = json.dumps(data, indent=1, ensure_ascii=False)
        case ".svg":
            return save(path, draw_graph(graph))
        case ".png":
            return save(path, draw_graph(graph, format="png"))
        case suffix:
            given = f"suffix {suffix!r} names no graph format" if suffix else "has no suffix"
            raise ExperimentError(f"{path}: {given}; use one of .graphml, .json, .svg, .png")
    return save(path, f"{text}\n".encode())


def _native(graph: nx.DiGraph, *, none: bool = True) -> nx.DiGraph:
    """Copy a graph with Python's numbers for numpy's, perhaps without attributes that are None."""
    native = graph.copy()
    parts = [native.graph, *native.nodes.values(), *native.edges.values()]
    for data in parts:
        kept = {key: value for key, value in data.items() if none or value is not None}
        data.clear()
        data |= {k: v.item() if isinstance(v, np.generic) else v for k, v in kept.items()}
    return native
