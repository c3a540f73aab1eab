"""The mutation of the preset ``paper``, in compiled code: the steps of the paper's own code.

1. Each weight, with probability 0.1: polynomial mutation, eta 15, on [-10, 10].
2. Each node's activation, with probability 0.1: any of the options.
3. With probability 0.5: add a connection.
4. With probability 0.3: delete a connection.
5. With probability 0.5: replace a connection by a node and two connections of the same weight.
6. With probability 0.2: delete a hidden node and its connections.

Attributes that the paper's CPPNs do not have (bias, response, aggregation, disabled connections)
mutate with the activations as in neat-python, at rates that the preset sets to 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool.cppn.breeding.chance import draw, draw_place
from neatfool.cppn.breeding.compiling import inner
from neatfool.cppn.breeding.draft import find_edge
from neatfool.cppn.breeding.structure import (
    append_new_edge,
    closes_cycle,
    delete_connection,
    delete_node,
    find_hidden,
    split_edge,
)
from neatfool.cppn.breeding.variation import (
    CONN_ADD,
    CONN_DELETE,
    INPUTS,
    NODE_ADD,
    NODE_DELETE,
    OUTPUTS,
    draw_source,
    mutate_attributes,
)

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Draft

TRIES: Final = 20
"""The most random pairs of nodes to try for a new connection, as in a full genome none may fit."""


@inner
def mutate_as_the_paper(
    draft: Draft,
    settings: np.ndarray,
    plans: np.ndarray,
    chances: np.ndarray,
    options: np.ndarray,
) -> bool:
    """Mutate; say whether a number was drawn, even if it was the old one."""
    touched = mutate_attributes(draft, 5, 7, plans, options)
    touched |= mutate_attributes(draft, 0, 5, plans, options)
    if draw(draft.stream) < chances[CONN_ADD]:
        add_absent_connection(draft, settings, plans, options)
    if draw(draft.stream) < chances[CONN_DELETE]:
        delete_connection(draft)
    if draw(draft.stream) < chances[NODE_ADD] and draft.counts[1]:
        split_edge(draft, draw_place(draft.counts[1], draft.stream), plans, options)
    if draw(draft.stream) < chances[NODE_DELETE]:
        delete_node(draft, settings[OUTPUTS])
    return touched


@inner
def add_absent_connection(
    draft: Draft, settings: np.ndarray, plans: np.ndarray, options: np.ndarray
) -> None:
    """Add a random connection that is absent and closes no cycle; all are equally likely.

    If hardly any is left, ``TRIES`` draws may find none.
    """
    hidden = find_hidden(draft, settings[OUTPUTS])
    for _ in range(TRIES):
        source = draw_source(draft, settings[INPUTS], hidden)
        target = draw_place(draft.counts[0], draft.stream)
        if find_edge(draft, source, target) < 0 and not closes_cycle(draft, source, target):
            append_new_edge(draft, source, target, plans, options)
            return
