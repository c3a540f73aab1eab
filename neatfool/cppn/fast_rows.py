"""Rows, compiled: which nodes of a genome can share one, so that few numbers fill the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from neatfool.cppn.fast_aggregations import SUM
from neatfool.cppn.jit import inner

if TYPE_CHECKING:
    import numpy as np

_NONE: Final = -1


@inner
def _find_last_readers(
    inputs: int, nodes: np.ndarray, sources: np.ndarray, outputs: np.ndarray, last: np.ndarray
) -> None:
    for node in range(len(nodes)):
        for term in range(nodes[node, 2], nodes[node, 3]):
            if sources[term] >= inputs:
                last[sources[term] - inputs] = node
    for output in outputs:
        if output >= inputs:
            last[output - inputs] = len(nodes)


@inner
def _take(free: np.ndarray, spare: int, used: int) -> tuple[int, int, int]:
    """Take a row; give also how many spare ones and how many in all there are now."""
    return (free[spare - 1], spare - 1, used) if spare else (used, spare, used + 1)


@inner
def share_rows(
    inputs: int,
    nodes: np.ndarray,
    sources: np.ndarray,
    outputs: np.ndarray,
    last: np.ndarray,
    rows: np.ndarray,
    free: np.ndarray,
) -> None:
    """Give the nodes of a genome few rows: that of a node is free after its last reader.

    Args:
        inputs: The number of inputs, which have the first rows.
        nodes: int32 [M, 7], those of the genome, to write their rows to.
        sources: int32 [T], each term's row as if all nodes had one of their own: rewritten.
        outputs: int32 [O], likewise.
        last: int64 [≥ M], to write over.
        rows: int64 [≥ M], to write over.
        free: int64 [≥ M], to write over.
    """
    _find_last_readers(inputs, nodes, sources, outputs, last)
    spare, used = 0, inputs
    for node in range(len(nodes)):
        # A sum is written after its inputs were read; other nodes need a row beside theirs.
        in_place = nodes[node, 1] == SUM
        if not in_place:
            rows[node], spare, used = _take(free, spare, used)
        for term in range(nodes[node, 2], nodes[node, 3]):
            source = sources[term] - inputs
            if source < 0:
                continue
            sources[term] = rows[source]
            if last[source] == node:
                free[spare], last[source] = rows[source], _NONE
                spare += 1
        if in_place:
            rows[node], spare, used = _take(free, spare, used)
        nodes[node, 4] = rows[node]
    for number in range(len(outputs)):
        if outputs[number] >= inputs:
            outputs[number] = rows[outputs[number] - inputs]
