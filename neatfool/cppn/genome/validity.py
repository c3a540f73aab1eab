"""Checks that nodes and connections from outside make a genome that can be rendered."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from neatfool.cppn.functions.activations import ACTIVATIONS
from neatfool.cppn.functions.aggregations import AGGREGATIONS
from neatfool.errors import GenomeError, nearest

if TYPE_CHECKING:
    from neatfool.cppn.genome.genes import NodeGene
    from neatfool.cppn.genome.genome import Genome, GenomeConfig
    from neatfool.cppn.genome.markings import Edge


def check_genome(genome: Genome, config: GenomeConfig | None = None) -> None:
    """Check a genome, and that it fits the inputs and outputs of a configuration, if given.

    Raises:
        GenomeError: A function is unknown, a number is not finite, a connection joins a missing
            node, connections close a cycle, or the genome does not fit; the message says which.
    """
    for node in genome.nodes.values():
        _check_node(node)
    for (source, target), gene in genome.connections.items():
        where = f"connection {source} -> {target}"
        if target < 0:
            raise GenomeError(f"{where}: goes into an input")
        if target not in genome.nodes:
            raise GenomeError(f"{where}: there is no node {target}")
        if source >= 0 and source not in genome.nodes:
            raise GenomeError(f"{where}: there is no node {source}")
        if not math.isfinite(gene.weight):
            raise GenomeError(f"{where}: its weight is {gene.weight}")
        if gene.enabled not in (True, False):
            raise GenomeError(f"{where}: enabled is {gene.enabled!r}, not true or false")
    if config is not None:
        _check_fit(genome, config)
    layers(genome.connections)


def _check_node(node: NodeGene) -> None:
    where = f"node {node.key}"
    if node.key < 0:
        raise GenomeError(f"{where}: negative ids are the inputs'")
    for name, known in ((node.activation, ACTIVATIONS), (node.aggregation, AGGREGATIONS)):
        if name not in known:
            raise GenomeError(f"{where}: there is no {name!r}{nearest(str(name), known)}")
    for name in ("bias", "response", "time_constant"):
        if not math.isfinite(getattr(node, name)):
            raise GenomeError(f"{where}: its {name} is {getattr(node, name)}")


def _check_fit(genome: Genome, config: GenomeConfig) -> None:
    if absent := [key for key in config.output_keys if key not in genome.nodes]:
        raise GenomeError(
            f"a genome without the output {absent[0]}; here a genome has {config.num_outputs}"
        )
    for source, target in genome.connections:
        if source < 0 and source not in config.input_keys:
            raise GenomeError(
                f"connection {source} -> {target}: here a genome has {config.num_inputs} inputs"
            )


def layers(edges: Iterable[Edge]) -> dict[int, int]:
    """Find the layer of each joined node: the length of the longest way from an input.

    Returns:
        Layers by node id; 0 for the inputs, at least 1 for all others.

    Raises:
        GenomeError: Connections close a cycle.
    """
    successors: dict[int, list[int]] = {}
    waiting: dict[int, int] = {}
    for source, target in edges:
        successors.setdefault(source, []).append(target)
        waiting.setdefault(source, 0)
        waiting[target] = waiting.get(target, 0) + 1
    found = {key: 0 if key < 0 else 1 for key in waiting}
    ready = [key for key, count in waiting.items() if count == 0]
    for key in ready:
        for successor in successors.get(key, ()):
            found[successor] = max(found[successor], found[key] + 1)
            waiting[successor] -= 1
            if waiting[successor] == 0:
                ready.append(successor)
    if len(ready) < len(waiting):
        inside = min(key for key, count in waiting.items() if count)
        raise GenomeError(f"a genome whose connections close a cycle through node {inside}")
    return found
