"""Which values of nodes are still needed: a tape's rows become slots, as few as possible.

A GPU keeps the values of a pixel's nodes in fast memory that is small. A slot is free again after
the last node that reads it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from neatfool.compiling import outer

if TYPE_CHECKING:
    from neatfool.cppn.wiring.tape import Tape


@outer()
def _allocate(
    bounds: np.ndarray,
    nodes: np.ndarray,
    sources: np.ndarray,
    outputs: np.ndarray,
    inputs: int,
    scratch: np.ndarray,
) -> int:
    """Write slots over the rows of nodes, terms and outputs; give how many are used at once."""
    most = inputs
    last, slots, free = scratch[0], scratch[1], scratch[2]
    for genome in range(len(outputs)):
        begin, end = bounds[genome], bounds[genome + 1]
        for place in range(begin, end):
            for term in range(nodes[place, 2], nodes[place, 3]):
                last[sources[term]] = place
        for output in range(outputs.shape[1]):
            last[outputs[genome, output]] = end
        used, many = inputs, 0
        for row in range(inputs):
            slots[row] = row
        for place in range(begin, end):
            for term in range(nodes[place, 2], nodes[place, 3]):
                row = sources[term]
                sources[term] = slots[row]
                if last[row] == place:
                    last[row] = -1
                    free[many] = slots[row]
                    many += 1
            row = nodes[place, 4]
            if many:
                many -= 1
                slots[row] = free[many]
            else:
                slots[row] = used
                used += 1
            nodes[place, 4] = slots[row]
        for output in range(outputs.shape[1]):
            outputs[genome, output] = slots[outputs[genome, output]]
        most = max(most, used)
    return most


def allocate(tape: Tape) -> tuple[list[np.ndarray], int]:
    """Give a tape's arrays with slots for rows, and how many slots its genomes need.

    Returns:
        As in :class:`~neatfool.cppn.wiring.tape.Tape`, without what is beyond the last node:
        bounds, as int32, nodes, numbers, sources, factors, outputs.
    """
    terms = int(tape.nodes[: tape.size, 3].max(initial=0))
    nodes, sources, outputs = (
        tape.nodes[: tape.size, :7].copy(),
        tape.sources[:terms].copy(),
        tape.outputs.copy(),
    )
    scratch = np.empty((3, tape.rows + 1), np.int64)
    slots = int(_allocate(tape.bounds, nodes, sources, outputs, tape.inputs, scratch))
    numbers, factors = tape.numbers[: tape.size], tape.factors[:terms]
    return [tape.bounds.astype(np.int32), nodes, numbers, sources, factors, outputs], slots
