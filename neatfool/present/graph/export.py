"""Writes a genome's graph to a file."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import networkx as nx
import numpy as np

from neatfool.errors import ExperimentError
from neatfool.present.graph.drawing import draw_graph
from neatfool.present.saving import save

DOTTED: Final = {"style": "dotted"}


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


def _native(graph: nx.DiGraph, *, none: bool = True) -> nx.DiGraph:
    """Copy a graph with Python's numbers for numpy's, perhaps without attributes that are None."""
    native = graph.copy()
    parts = [native.graph, *native.nodes.values(), *native.edges.values()]
    for data in parts:
        kept = {key: value for key, value in data.items() if none or value is not None}
        data.clear()
        data |= {k: v.item() if isinstance(v, np.generic) else v for k, v in kept.items()}
    return native


def _to_graphml(graph: nx.DiGraph) -> bytes:
    return "\n".join(nx.generate_graphml(_native(graph, none=False))).encode() + b"\n"


def _to_json(graph: nx.DiGraph) -> bytes:
    data = nx.node_link_data(_native(graph), edges="edges")
    return json.dumps(data, indent=1, ensure_ascii=False).encode() + b"\n"


def _to_dot(graph: nx.DiGraph) -> bytes:
    """Write a graph in Graphviz's language, with every attribute quoted."""

    def quote(value: Any) -> str:
        # Backslashes are doubled, because labels know ``\\n`` and ``\\N``.
        text = json.dumps(value) if isinstance(value, bool) else str(value)
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'

    def write(item: str, data: Mapping[str, Any]) -> str:
        written = ", ".join(f"{quote(key)}={quote(value)}" for key, value in data.items())
        return f"  {item}{f' [{written}]' if written else ''};"

    native = _native(graph)
    nodes = [
        write(quote(node), {"label": data.get("activation", node)} | data)
        for node, data in native.nodes(data=True)
    ]
    edges = [
        write(f"{quote(u)} -> {quote(v)}", ({} if data.get("enabled", True) else DOTTED) | data)
        for u, v, data in native.edges(data=True)
    ]
    return "\n".join(["digraph genome {", "  rankdir=LR;", *nodes, *edges, "}", ""]).encode()


_WRITERS: Final[Mapping[str, Callable[[nx.DiGraph], bytes]]] = {
    ".graphml": _to_graphml,
    ".json": _to_json,
    ".dot": _to_dot,
    ".svg": draw_graph,
    ".png": partial(draw_graph, format="png"),
}
