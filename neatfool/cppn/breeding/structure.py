"""Changes of a genome's structure that both presets make."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.streams import one_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from neatfool.cppn.breeding.streams import Draw
    from neatfool.cppn.genome.genome import Genome
    from neatfool.cppn.genome.markings import Edge


def closes_cycle(edges: Iterable[Edge], new: Edge) -> bool:
    """Tell whether a new connection would close a cycle with others, which have none."""
    source, target = new
    if source == target:
        return True
    if source < 0:
        return False
    successors: dict[int, list[int]] = {}
    for a, b in edges:
        if a in successors:
            successors[a].append(b)
        elif a >= 0:
            successors[a] = [b]
    seen, to_visit = {target}, [target]
    while to_visit:
        for node in successors.get(to_visit.pop(), ()):
            if node == source:
                return True
            if node not in seen:
                seen.add(node)
                to_visit.append(node)
    return False


def hidden_nodes(genome: Genome, outputs: Collection[int]) -> list[int]:
    """List the nodes that are not outputs."""
    return [key for key in genome.nodes if key not in outputs]


def delete_connection(child: Genome, draw: Draw) -> None:
    """Delete a random connection, if there is one."""
    if child.connections:
        del child.connections[one_of(list(child.connections), draw)]


def delete_node(child: Genome, outputs: Collection[int], draw: Draw) -> None:
    """Delete a random hidden node, if there is one, and its connections."""
    if hidden := hidden_nodes(child, outputs):
        gone = one_of(hidden, draw)
        del child.nodes[gone]
        for edge in [edge for edge in child.connections if gone in edge]:
            del child.connections[edge]
