"""Grafting: crossover of two CPPNs by outputs.

One output of a CPPN draws a picture by itself: the hue, or the brightness. A child takes all nodes
of one output from another CPPN, and the rest from its parent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.genome.genome import Genome
from neatfool.cppn.genome.markings import first_free

if TYPE_CHECKING:
    from collections.abc import Iterable

    from neatfool.cppn.genome.markings import Edge


def graft(genome: Genome, donor: Genome, output: int, outputs: Iterable[int]) -> Genome:
    """Replace an output of a CPPN by the donor's.

    Args:
        genome: The CPPN.
        donor: The CPPN that gives the output.
        output: The output's id.
        outputs: The ids of all outputs.

    Returns:
        A new genome, without the hidden nodes that led only to the old output. The donor's hidden
        nodes get new ids, as their own may be taken.
    """
    taken = _leading_to([output], donor.connections)
    left = [edge for edge in genome.connections if edge[1] != output]
    kept = _leading_to([key for key in outputs if key != output], left)
    nodes = {key: gene for key, gene in genome.nodes.items() if key in kept and key != output}
    connections = {edge: genome.connections[edge] for edge in left if edge[1] in kept}
    named = {output: output}
    for key in donor.nodes:
        if key in taken and key != output:
            named[key] = first_free("graft", key, taken=nodes)
            nodes[named[key]] = donor.nodes[key].having("key", named[key])
    nodes[output] = donor.nodes[output]
    for (source, target), gene in donor.connections.items():
        if target in taken:
            edge = named.get(source, source), named[target]
            connections[edge] = gene.having("key", edge)
    # In the order of other genomes: outputs first.
    ordered = {key: nodes[key] for key in genome.nodes if key in nodes}
    return Genome.born({**ordered, **nodes}, connections)


def _leading_to(ends: Iterable[int], edges: Iterable[Edge]) -> set[int]:
    """Find all nodes and inputs from which a way leads to ``ends``, which are included."""
    sources: dict[int, list[int]] = {}
    for source, target in edges:
        sources.setdefault(target, []).append(source)
    found: set[int] = set()
    to_visit = list(ends)
    while to_visit:
        node = to_visit.pop()
        if node not in found:
            found.add(node)
            to_visit += sources.get(node, ())
    return found
