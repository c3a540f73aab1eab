"""Writes a genome's graph to a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np

from neatfool.errors import ExperimentError
from neatfool.present.graph.drawing import draw_graph
from neatfool.present.saving import save


def export_graph(graph: nx.DiGraph, path: str | Path) -> Path:
    """Write a graph in the format that the file's suffix names.

    ``.graphml`` and ``.json`` (networkx's node-link data) keep every attribute. networkx reads them
    back: ``nx.read_graphml(path, node_type=int)`` and
    ``nx.node_link_graph(json.load(file), edges="edges")``. ``.dot`` is for Graphviz; ``.svg`` and
    ``.png`` are drawings.

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
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        given = f"suffix {path.suffix!r} names no graph format" if path.suffix else "has no suffix"
        raise ExperimentError(f"{path}: {given}; use one of {', '.join(_WRITERS)}")
    return save(path, write(graph))


def to_graphml(graph: nx.DiGraph) -> bytes:
    """Write a graph as GraphML, without attributes that are None: the format has no None."""
    plain = _plain(graph)
    for _, data in [*plain.nodes(data=True), *((None, d) for *_, d in plain.edges(data=True))]:
        for key in [key for key, value in data.items() if value is None]:
            del data[key]
    return "\n".join(nx.generate_graphml(plain)).encode() + b"\n"


def to_json(graph: nx.DiGraph) -> bytes:
    """Write a graph as networkx's node-link data."""
    data = nx.node_link_data(_plain(graph), edges="edges")
    return json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n"


def to_dot(graph: nx.DiGraph) -> bytes:
    """Write a graph in Graphviz's language, with every attribute quoted."""
    lines = ["digraph genome {", "  rankdir=LR;"]
    for node, data in _plain(graph).nodes(data=True):
        label = {"label": data.get("activation", node)}  # where it has none
        lines.append(f"  {_quote(node)}{_attributes(label | data)};")
    for u, v, data in _plain(graph).edges(data=True):
        style = {} if data.get("enabled", True) else {"style": "dotted"}
        lines.append(f"  {_quote(u)} -> {_quote(v)}{_attributes(style | data)};")
    return "\n".join([*lines, "}", ""]).encode()


def _attributes(data: Mapping[str, Any]) -> str:
    written = ", ".join(f"{_quote(key)}={_quote(value)}" for key, value in data.items())
    return f" [{written}]" if written else ""


def _quote(value: Any) -> str:
    r"""Quote a value for Graphviz, and double backslashes: labels know ``\n`` and ``\N``."""
    text = json.dumps(value) if isinstance(value, bool) else str(value)
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _plain(graph: nx.DiGraph) -> nx.DiGraph:
    """Copy a graph, and turn numpy's numbers into Python's, which every format knows."""
    plain = nx.DiGraph(**_natives(graph.graph))
    plain.add_nodes_from((node, _natives(data)) for node, data in graph.nodes(data=True))
    plain.add_edges_from((u, v, _natives(data)) for u, v, data in graph.edges(data=True))
    return plain


def _natives(data: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v.item() if isinstance(v, np.generic) else v for k, v in data.items()}


_WRITERS: Final[Mapping[str, Callable[[nx.DiGraph], bytes]]] = {
    ".graphml": to_graphml,
    ".json": to_json,
    ".dot": to_dot,
    ".svg": lambda graph: draw_graph(graph, format="svg"),
    ".png": lambda graph: draw_graph(graph, format="png"),
}
