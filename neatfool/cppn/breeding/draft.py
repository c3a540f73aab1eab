"""A genome in the making, and changes of its structure, in compiled code."""

import numpy as np
from numpy import ndarray as Array

from neatfool.cppn.breeding.attributes import Draft, Plan, draw_initial, draw_place, new_id
from neatfool.cppn.compiling import inner
from neatfool.cppn.genome import genes
from neatfool.cppn.genome.genes import SPLIT

Parent = tuple[Array, Array, Array, Array]


@inner
def view_genome(words: Array, numbers: Array, start: int) -> Parent:
    """Give the genes of a flat genome that begins at a word: as ``divide`` gives them."""
    middle = start + genes.HEAD + genes.NODE * words[start]
    end = middle + genes.EDGE * words[start + 1]
    nodes, edges = (words[start], genes.NODE), (words[start + 1], genes.EDGE)
    return (
        words[start + genes.HEAD : middle].reshape(nodes),
        numbers[start + genes.HEAD : middle].reshape(nodes),
        words[middle:end].reshape(edges),
        numbers[middle:end].reshape(edges),
    )


@inner
def copy_rows(source: Array, target: Array) -> None:
    """Copy the rows of a matrix to the beginning of another."""
    for row in range(len(source)):
        for column in range(source.shape[1]):
            target[row, column] = source[row, column]


@inner
def copy_genome(parent: Parent, draft: Draft) -> None:
    """Begin with a copy of a genome."""
    nodes, _, edges, _ = parent
    draft.counts[0], draft.counts[1] = len(nodes), len(edges)
    copy_rows(nodes, draft.nodes)
    copy_rows(edges, draft.edges)


@inner
def is_copy(parent: Parent, draft: Draft) -> bool:
    """Tell whether a draft has the genes of a genome."""
    nodes, _, edges, _ = parent
    if draft.counts[0] != len(nodes) or draft.counts[1] != len(edges):
        return False
    for rows, others in ((nodes, draft.nodes), (edges, draft.edges)):
        for place in range(len(rows)):
            for column in range(rows.shape[1]):
                if others[place, column] != rows[place, column]:
                    return False
    return True


@inner
def append_edge(draft: Draft, source: int, target: int, weight: float, enabled: float) -> None:
    """Append a connection."""
    place = draft.counts[1]
    draft.edges[place, genes.SOURCE], draft.edges[place, genes.TARGET] = source, target
    numbers = draft.edge_numbers[place]
    numbers[genes.WEIGHT], numbers[genes.ENABLED] = weight, enabled
    draft.counts[1] = place + 1


@inner
def remove_edge(draft: Draft, gone: int) -> None:
    """Remove the connection at a place; the later ones move up."""
    draft.counts[1] -= 1
    for place in range(gone, draft.counts[1]):
        for column in range(genes.EDGE):
            draft.edges[place, column] = draft.edges[place + 1, column]


@inner
def find_edge(draft: Draft, source: int, target: int) -> int:
    """Give the place of a connection; -1 if it is not there."""
    for place in range(draft.counts[1]):
        if (
            draft.edges[place, genes.SOURCE] == source
            and draft.edges[place, genes.TARGET] == target
        ):
            return place
    return -1


@inner
def write_genome(draft: Draft, start: int, words: Array) -> int:
    """Write a draft as a flat genome that begins at a word; give where it ends."""
    nodes, edges = draft.counts[0], draft.counts[1]
    middle = start + genes.HEAD + genes.NODE * nodes
    end: int = middle + genes.EDGE * edges
    words[start], words[start + 1] = nodes, edges
    copy_rows(draft.nodes[:nodes], words[start + genes.HEAD : middle].reshape((nodes, genes.NODE)))
    copy_rows(draft.edges[:edges], words[middle:end].reshape((edges, genes.EDGE)))
    return end


def make_draft(nodes: int, edges: int) -> Draft:
    """Make a draft with room for so many nodes and connections."""
    node_words = np.empty((nodes, genes.NODE), np.int64)
    edge_words = np.empty((edges, genes.EDGE), np.int64)
    size = max(nodes, edges) + 2
    return Draft(
        np.zeros(2, np.int64),
        node_words,
        node_words.view(np.float64),
        edge_words,
        edge_words.view(np.float64),
        np.empty((5, size), np.int64),
        np.empty(size),
        np.zeros(1, np.uint64),
    )


@inner
def sort_edges(edges: Array, nodes: int, by: int, starts: Array, order: Array) -> None:
    """Sort connections by the node at an end, ``SOURCE`` or ``TARGET``, but no input's.

    ``starts`` receives where the connections of each node begin in ``order``, which receives the
    connections' places.
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
    starts, order = draft.scratch[1], draft.scratch[2]
    visited, to_visit = draft.scratch[3], draft.scratch[4]
    sort_edges(edges, nodes, genes.SOURCE, starts, order)
    for node in range(nodes):
        visited[node] = 0
    to_visit[0], waiting = target, 1
    while waiting:
        waiting -= 1
        node = to_visit[waiting]
        for place in range(starts[node], starts[node + 1]):
            following = edges[order[place], genes.TARGET]
            if following == source:
                return True
            if following >= 0 and not visited[following]:
                visited[following] = 1
                to_visit[waiting] = following
                waiting += 1
    return False


@inner
def find_hidden(draft: Draft, outputs: int) -> int:
    """Put the places of the nodes that are no outputs into the first row of scratch; count them."""
    found = 0
    for node in range(draft.counts[0]):
        if draft.nodes[node, genes.KEY] >= outputs:
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
        for column in range(genes.NODE):
            draft.nodes[node, column] = draft.nodes[node + 1, column]
    kept, edges = 0, draft.edges
    for edge in range(draft.counts[1]):
        source, target = edges[edge, genes.SOURCE], edges[edge, genes.TARGET]
        if source != gone and target != gone:  # noqa: PLR1714 - compiles faster
            for column in range(genes.EDGE):
                edges[kept, column] = edges[edge, column]
            edges[kept, genes.SOURCE] = source - 1 if source > gone else source
            edges[kept, genes.TARGET] = target - 1 if target > gone else target
            kept += 1
    draft.counts[1] = kept


@inner
def append_node(draft: Draft, source: int, target: int, plan: Plan) -> int:
    """Append a new node that splits a connection between two places; give its place.

    Its key is the first id of those that the connection's splits have that is not taken.
    """
    first = draft.nodes[source, genes.KEY] if source >= 0 else source
    second, again = draft.nodes[target, genes.KEY], 0
    key, node = new_id(SPLIT, first, second, again), 0
    while node < draft.counts[0]:
        if draft.nodes[node, genes.KEY] == key:
            again, node = again + 1, -1
            key = new_id(SPLIT, first, second, again)
        node += 1
    place: int = draft.counts[0]
    draft.counts[0] = place + 1
    words, numbers = draft.nodes[place], draft.node_numbers[place]
    rows, stream, activations = plan.attributes, draft.stream, plan.options[0]
    words[genes.KEY] = key
    numbers[genes.BIAS] = draw_initial(rows[0], activations, stream)
    numbers[genes.RESPONSE] = draw_initial(rows[1], activations, stream)
    words[genes.ACTIVATION] = int(draw_initial(rows[2], activations, stream))
    words[genes.AGGREGATION] = int(draw_initial(rows[3], plan.options[1], stream))
    numbers[genes.TIME_CONSTANT] = draw_initial(rows[4], activations, stream)
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
    source, target = draft.edges[edge, genes.SOURCE], draft.edges[edge, genes.TARGET]
    weight = draft.edge_numbers[edge, genes.WEIGHT]
    remove_edge(draft, edge)
    node = append_node(draft, source, target, plan)
    append_edge(draft, source, node, weight, 1.0)
    append_edge(draft, node, target, weight, 1.0)


@inner
def shunt_edge(draft: Draft, edge: int, plan: Plan) -> None:
    """Add a new node on the way of a connection, and disable that."""
    source, target = draft.edges[edge, genes.SOURCE], draft.edges[edge, genes.TARGET]
    node = append_node(draft, source, target, plan)
    draft.node_numbers[node, genes.BIAS] = 0.0
    draft.edge_numbers[edge, genes.ENABLED] = 0.0
    append_edge(draft, source, node, 1.0, 1.0)
    append_edge(draft, node, target, draft.edge_numbers[edge, genes.WEIGHT], 1.0)
