"""What the ways of variation share: their settings, their signature, and changes of attributes.

Each way is a function ``vary`` in a module of its own, which is compiled when it is first needed:
:mod:`~neatfool.cppn.breeding.paper`, :mod:`~neatfool.cppn.breeding.refined` and
:mod:`~neatfool.cppn.breeding.neat`. They take

    words: int64 [W], flat genomes, one after another.
    numbers: float64 [W], the same memory.
    litters: int64 [N, 2], the words where the parents begin; -1 for none.
    seeds: uint64 [N].
    settings: int64 [SETTINGS].
    refinements: float64 [3].
    plans: float64 [S, attributes, PLAN], for each step of strength. The attributes are those of
        nodes (bias, response, activation, aggregation, time constant), and then of connections
        (weight, enabled).
    chances: float64 [S, 4], how likely changes of structure are.
    options: int64 [2, 1 + options], how many activations and aggregations there are, and their
        codes.
    bounds: int64 [N + 1]; receives the words where the children begin and end.
    written: int64 [≥ all children]; receives the children.
    counts: The first array of a :class:`~neatfool.cppn.breeding.draft.Draft`; the others follow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool.cppn.breeding.attributes import change_attribute
from neatfool.cppn.breeding.chance import draw_place
from neatfool.cppn.breeding.compiling import inner

if TYPE_CHECKING:
    import numpy as np

    from neatfool.cppn.breeding.draft import Draft

SIGNATURE: Final = (
    "void(int64[::1], float64[::1], int64[:, ::1], uint64[::1], int64[::1], float64[::1], "
    "float64[:, :, ::1], float64[:, ::1], int64[:, ::1], int64[::1], int64[::1], int64[::1], "
    "int64[:, ::1], float64[:, ::1], int64[:, ::1], float64[:, ::1], int64[:, ::1], "
    "float64[::1], uint64[::1])"
)

# The places of settings.
INPUTS: Final = 0
OUTPUTS: Final = 1
SINGLE: Final = 2
SURER: Final = 3
PARENTS: Final = 4
LOWEST: Final = 5
ROUNDS: Final = 6
SETTINGS: Final = 7

# The places of probabilities, which follow the plans of attributes.
NODE_ADD: Final = 0
NODE_DELETE: Final = 1
CONN_ADD: Final = 2
CONN_DELETE: Final = 3

# The places of refinements.
GRAFTED: Final = 0
STRENGTH: Final = 1
SPREAD: Final = 2


@inner
def mutate_attributes(
    draft: Draft, first: int, end: int, plans: np.ndarray, options: np.ndarray
) -> bool:
    """Change some attributes of all nodes, or of all connections; say if a number was drawn."""
    touched = False
    for attribute in range(first, end):
        names = options[1 if attribute == 3 else 0]
        names = names[1 : 1 + names[0]]
        if attribute < 5:
            words, numbers, count = draft.nodes, draft.node_numbers, draft.counts[0]
        else:
            words, numbers, count = draft.edges, draft.edge_numbers, draft.counts[1]
        touched |= change_attribute(
            words,
            numbers,
            count,
            plans[attribute],
            names,
            draft.stream,
            draft.scratch[0],
            draft.rolls,
        )
    return touched


@inner
def draw_source(draft: Draft, inputs: int, hidden: int) -> int:
    """Draw an input or a hidden node, as :func:`find_hidden` left them in scratch."""
    place = draw_place(inputs + hidden, draft.stream)
    return -1 - place if place < inputs else draft.scratch[0, place - inputs]
