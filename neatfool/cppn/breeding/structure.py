"""Changes of a genome's structure, in compiled code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from neatfool.cppn.breeding.attributes import AGGREGATIONS, draw_initial
from neatfool.cppn.breeding.chance import draw_place, new_id
from neatfool.cppn.breeding.draft import append_edge, remove_edge
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome import flat
from neatfool.cppn.genome.markings import SPLIT

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.attributes import Plan
    from neatfool.cppn.breeding.draft import Draft


@inner
def sort_edges(
    edges: np.ndarray, nodes: int, by: int, starts: np.ndarray, order: np.ndarray
) -> None:
    """Sort connections by the node at one of their ends; those of an input are left out.

    Args:
        edges: int64 [E, EDGE].
        nodes: The number of nodes.
        by: ``flat.SOURCE`` or ``flat.TARGET``.
        starts: int64 [> nodes]; receives where the connections of each node begin.
        order: int64 [≥ E]; receives the connections' places.
    """
    for node in range(nodes + 1):
        starts[node] = 0
    for edge in range(len(edges)):
        if edges[edge, by] >= 0:
            starts[edges[edge, by]] += 1
    total = 0
    for node in range(nodes + 1):
        total += starts[node]
        starts[node] = total
    for edge in range(len(edges) - 1, -1, -1):
        node = edges[edge, by]
        if node >= 0:
            starts[node] -= 1
            order[starts[node]] = edge


@inner
def closes_cycle(draft: Draft, source: int, target: int) -> bool:
    """Tell whether a new connection would close a cycle with others, which have none."""
    if source == target:
        return True
    if source < 0:
        return False
    nodes, edges = draft.counts[0], draft.edges[: draft.counts[1]]
    starts, order, seen, to_visit = (
        draft.scratch[1],
        draft.scratch[2],
        draft.scratch[3],
        draft.scratch[4],
    )
    sort_edges(edges, nodes, flat.SOURCE, starts, order)
    for node in range(nodes):
        seen[node] = 0
    to_visit[0], waiting = target, 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        for place in range(starts[node], starts[node + 1]):
            following = edges[order[place], flat.TARGET]
            if following == source:
                return True
            if following >= 0 and not seen[following]:
                seen[following] = 1
                to_visit[waiting] = following
                waiting += 1
    return False


@inner
def find_hidden(draft: Draft, outputs: int) -> int:
    """Put the places of the nodes that are no outputs into the first row of scratch; count them."""
    found = 0
    for node in range(draft.counts[0]):
        if draft.nodes[node, flat.KEY] >= outputs:
            draft.scratch[0, found] = node
            found += 1
    return found


@inner
def delete_connection(draft: Draft) -> None:
    """Delete a random connection, if there is one."""
    if draft.counts[1]:
        remove_edge(draft, draw_place(draft.counts[1], draft.stream))


@inner
def delete_node(draft: Draft, outputs: int) -> None:
    """Delete a random hidden node, if there is one, and its connections."""
    hidden = find_hidden(draft, outputs)
    if not hidden:
        return
    gone = draft.scratch[0, draw_place(hidden, draft.stream)]
    draft.counts[0] -= 1
    for node in range(gone, draft.counts[0]):
        for column in range(flat.NODE):
            draft.nodes[node, column] = draft.nodes[node + 1, column]
    kept, edges = 0, draft.edges
    for edge in range(draft.counts[1]):
        source, target = edges[edge, flat.SOURCE], edges[edge, flat.TARGET]
        if source != gone and target != gone:  # noqa: PLR1714 - compiles faster
            for column in range(flat.EDGE):
                edges[kept, column] = edges[edge, column]
            edges[kept, flat.SOURCE] = source - 1 if source > gone else source
            edges[kept, flat.TARGET] = target - 1 if target > gone else target
            kept += 1
    draft.counts[1] = kept


@inner
def key_of(draft: Draft, place: int) -> int:
    """Give the key of a node by its place, or of an input."""
    return int(draft.nodes[place, flat.KEY]) if place >= 0 else place


@inner
def is_taken(draft: Draft, key: int) -> bool:
    """Tell whether a node has a key."""
    for node in range(draft.counts[0]):  # noqa: SIM110 - compiled code knows no any()
        if draft.nodes[node, flat.KEY] == key:
            return True
    return False


@inner
def append_node(draft: Draft, source: int, target: int, plan: Plan) -> int:
    """Append a new node that splits a connection; give its place.

    Its key is the first id of those that the connection's splits have that is not taken.

    Args:
        draft: The genome.
        source: The place of the connection's source.
        target: The place of its target.
        plan: How genomes vary.
    """
    first, second, again = key_of(draft, source), key_of(draft, target), 0
    while True:
        key = new_id(SPLIT, first, second, again)
        if not is_taken(draft, key):
            break
        again += 1
    place: int = draft.counts[0]
    draft.counts[0] = place + 1
    node, numbers = draft.nodes[place], draft.node_numbers[place]
    rows, stream = plan.attributes, draft.stream
    activations, aggregations = plan.options[0], plan.options[1]
    node[flat.KEY] = key
    numbers[flat.BIAS] = draw_initial(rows[0], activations, stream)
    numbers[flat.RESPONSE] = draw_initial(rows[1], activations, stream)
    node[flat.ACTIVATION] = int(draw_initial(rows[2], activations, stream))
    node[flat.AGGREGATION] = int(draw_initial(rows[AGGREGATIONS], aggregations, stream))
    numbers[flat.TIME_CONSTANT] = draw_initial(rows[4], activations, stream)
    return place


@inner
def append_new_edge(draft: Draft, source: int, target: int, plan: Plan) -> None:
    """Append a new connection."""
    weight = draw_initial(plan.attributes[5], plan.options[0], draft.stream)
    enabled = draw_initial(plan.attributes[6], plan.options[0], draft.stream)
    append_edge(draft, source, target, weight, enabled)


@inner
def draw_source(draft: Draft, hidden: int, plan: Plan) -> int:
    """Draw an input or a hidden node, as :func:`find_hidden` left them in scratch."""
    place = draw_place(plan.inputs + hidden, draft.stream)
    return -1 - place if place < plan.inputs else draft.scratch[0, place - plan.inputs]


@inner
def split_edge(draft: Draft, edge: int, plan: Plan) -> None:
    """Replace a connection by a new node and two connections of the same weight."""
    source, target = draft.edges[edge, flat.SOURCE], draft.edges[edge, flat.TARGET]
    weight = draft.edge_numbers[edge, flat.WEIGHT]
    remove_edge(draft, edge)
    node = append_node(draft, source, target, plan)
    append_edge(draft, source, node, weight, 1.0)
    append_edge(draft, node, target, weight, 1.0)


@inner
def shunt_edge(draft: Draft, edge: int, plan: Plan) -> None:
    """Add a new node on the way of a connection, and disable that."""
    source, target = draft.edges[edge, flat.SOURCE], draft.edges[edge, flat.TARGET]
    node = append_node(draft, source, target, plan)
    draft.node_numbers[node, flat.BIAS] = 0.0
    draft.edge_numbers[edge, flat.ENABLED] = 0.0
    append_edge(draft, source, node, 1.0, 1.0)
    append_edge(draft, node, target, draft.edge_numbers[edge, flat.WEIGHT], 1.0)
