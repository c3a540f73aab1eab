"""Reads networks from files, and writes them, in the formats of NEAT's and CPPNs' users.

A file of somebody else is data. It has bounds, nothing of it is run, and what is wrong with it is
one sentence.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, TypeAlias

import networkx as nx
import numpy as np

from neatfool.cppn.activations import LIMIT
from neatfool.cppn.draw.lattice import Look
from neatfool.cppn.exchange.graph_drawing import draw_graph
from neatfool.cppn.exchange.neat_json import read_neat_json, write_neat_json
from neatfool.cppn.exchange.network import NeatNetwork, Picture
from neatfool.cppn.exchange.onnx_model import network_to_onnx, to_onnx
from neatfool.cppn.exchange.picbreeder import LARGEST, read_picbreeder
from neatfool.cppn.exchange.torch_source import to_torch
from neatfool.cppn.genome.serial import loads
from neatfool.errors import ExperimentError, GenomeError
from neatfool.run.folder import save

MOST_GENES: Final = 20_000
"""The most nodes and connections that are read. Evolved networks have some hundred."""
MOST_DRAWN: Final = 2_000, 20_000
"""The most edges that are drawn, and the most columns that they cross in all. Laying out more takes
minutes, and shows nothing."""
_PICKLED: Final = (b"\x1f\x8b", b"\x80")
"""How pickles begin: neat-python compresses its own."""

Writable: TypeAlias = NeatNetwork | Picture | nx.DiGraph


def read(source: str | Path | bytes, *, look: Look | None = None) -> NeatNetwork:
    """Read a network from a file, or from its text.

    The content decides the format: neat-python's JSON (``neat.export``); Picbreeder's XML, also in
    a ZIP archive; neatfool's own genome.

    Args:
        source: The file's path, or its content: bytes, or a text that begins with ``{`` or ``<``.
        look: How the outputs of a genome of Picbreeder's become a picture, for which its functions
            are translated. If absent, it is in grey or in hues (``hsv``), as it was made.

    Returns:
        The network. Those of Picbreeder and of neatfool have the inputs x, y, d and 1.

    Raises:
        GenomeError: The file cannot be read, or is none of these, or what it holds is no
            feed-forward network of sums. The message names the file.
    """
    if isinstance(source, bytes):
        return _read(source, look)
    if isinstance(source, str) and source.lstrip()[:1] in {"{", "<"}:
        return _read(source.encode(), look)
    try:
        with Path(source).open("rb") as file:
            return _read(file.read(LARGEST + 1), look, str(source))
    except GenomeError as error:
        raise GenomeError(f"{source}: {error}") from error
    except (OSError, ValueError) as error:  # a path with a zero in it is a ValueError
        why = getattr(error, "strerror", None) or error
        raise GenomeError(f"{str(source)!r}: cannot be read: {why}") from error


def _read(data: bytes, look: Look | None, name: str = "FILE") -> NeatNetwork:
    if data.startswith(_PICKLED):
        raise GenomeError(
            "a pickle, as neat-python's checkpoints are: it can run any code, and is never read. "
            f"If you trust its author: python -m neatfool.cppn.checkpoint {name} FOLDER"
        )
    if len(data) > LARGEST:
        raise GenomeError(f"more than {LARGEST >> 20} MiB; that is no genome")
    is_json = data.lstrip()[:1] not in {b"<", b"P"}
    network = _read_json(data) if is_json else read_picbreeder(data, look)
    nodes, connections = network.genome.nodes, network.genome.connections
    _check_count(nodes, connections)
    own = ((f"node {key}", each) for key, n in nodes.items() for each in (n.bias, n.response))
    weights = ((f"connection {a} -> {b}", gene.weight) for (a, b), gene in connections.items())
    for where, number in chain(own, weights):
        if abs(number) > LIMIT:
            raise GenomeError(f"{where}: has the number {number:g}; the largest is {LIMIT:g}")
    return network


def _read_json(data: bytes) -> NeatNetwork:
    try:
        record = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise GenomeError(f"not a genome: {error or 'too deep'}") from error
    if not isinstance(record, dict):
        raise GenomeError("not a genome: no object of JSON")
    _check_count(*(each for each in record.values() if isinstance(each, list)))
    if "network_type" in record:
        return read_neat_json(record)
    genome = loads(data.decode())
    # Its outputs are the nodes 0, 1, …: neatfool's hidden nodes have large ids.
    outputs = next(n for n in range(len(genome.nodes) + 1) if n not in genome.nodes)
    return NeatNetwork(genome, outputs=tuple(map(str, range(outputs))))


def _check_count(*genes: Collection[Any]) -> None:
    if sum(map(len, genes)) > MOST_GENES:
        raise GenomeError(f"more than {MOST_GENES:,} nodes and connections")


def write(given: Writable, path: str | Path, *, title: str = "") -> Path:
    """Write a network, in the format that the file's suffix names.

    ============  =====================================================
    suffix        what it is
    ============  =====================================================
    .json         neat-python's JSON, as of ``neat.export``
    .py           source of a ``torch.nn.Module`` that needs no neatfool
    .onnx         a model: of the network, or of a picture at any size
    .glsl, .frag  a fragment shader that draws the picture
    .graphml      a graph for networkx, Gephi and Cytoscape
    .svg, .png    a drawing of the network, with a legend
    ============  =====================================================

    Args:
        given: A network; a picture, which says how its outputs become colours; or a graph, for
            ``.graphml`` and the drawings.
        path: The file. Its folder must exist.
        title: What it shows, for formats that have a place for it.

    Returns:
        The file.

    Raises:
        ExperimentError: There is no such format, or it cannot hold what is given; or the package
            onnx is missing.
        StorageError: The file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in WRITERS:
        fault = f"the suffix {path.suffix!r} names no format; use one of {', '.join(WRITERS)}"
        raise ExperimentError(f"{path}: {fault}")
    if not isinstance(given, NeatNetwork | Picture | nx.DiGraph):
        fault = f"is written of a NeatNetwork, a Picture or a graph, not of {type(given).__name__}"
        advice = "make a network of neat-python's genome by NeatNetwork.of(genome, config)"
        raise ExperimentError(f"{path}: {fault}; {advice}")
    try:
        return save(path, WRITERS[suffix](given, title))
    except GenomeError as error:
        raise GenomeError(f"{path}: {error}") from error
    except ExperimentError as error:
        raise ExperimentError(f"{path}: {error}") from error


def _network(given: Writable) -> NeatNetwork:
    if isinstance(given, nx.DiGraph):
        raise ExperimentError("a graph is written as .graphml, .svg or .png only")
    return given.network if isinstance(given, Picture) else given


def _graph(given: Writable) -> nx.DiGraph:
    return given if isinstance(given, nx.DiGraph) else _network(given).graph()


def _write_onnx(given: Writable, title: str) -> bytes:
    if isinstance(given, Picture):
        return to_onnx(given, title=title)
    return network_to_onnx(_network(given), title=title)


def _write_glsl(given: Writable, title: str) -> bytes:
    from neatfool.cppn.exchange.shader import to_glsl  # which writes all functions first

    picture = given if isinstance(given, Picture) else _network(given).picture()
    return to_glsl(picture, title=title).encode("ascii")


def _write_graphml(given: Writable, _: str) -> bytes:
    """Write a graph, with Python's numbers for numpy's, and without what is None."""
    native = _graph(given).copy()
    for data in (native.graph, *native.nodes.values(), *native.edges.values()):
        kept = {key: value for key, value in data.items() if value is not None}
        data.clear()
        data |= {k: v.item() if isinstance(v, np.generic) else v for k, v in kept.items()}
    return "\n".join([*nx.generate_graphml(native), ""]).encode()


def _draw(given: Writable, kind: Any) -> bytes:
    graph = _graph(given)
    layer = dict(graph.nodes(data="layer", default=0))
    crossed = sum(abs(layer[v] - layer[u]) for u, v in graph.edges)
    if len(graph.edges) > MOST_DRAWN[0] or crossed > MOST_DRAWN[1]:
        fault = f"a network of {len(graph.edges):,} connections is too large to draw"
        raise ExperimentError(f"{fault}; write .graphml for Gephi")
    return draw_graph(graph, format=kind)


WRITERS: Final[Mapping[str, Callable[[Writable, str], bytes]]] = MappingProxyType(
    {
        ".svg": lambda given, _: _draw(given, "svg"),
        ".png": lambda given, _: _draw(given, "png"),
        ".json": lambda given, _: write_neat_json(_network(given)).encode(),
        ".py": lambda given, title: to_torch(_network(given), title=title).encode("ascii"),
        ".graphml": _write_graphml,
        ".onnx": _write_onnx,
        ".glsl": _write_glsl,
        ".frag": _write_glsl,
    }
)
"""What writes the format of each suffix."""
