"""Framing: the same picture from nearer or farther away, moved, or turned.

A CPPN knows where it is by its inputs alone. So its picture is zoomed, moved and turned by a linear
change of the weights that x, y, the distance and 1 come in with; no node is looked at.
"""

from __future__ import annotations

from math import cos, exp, sin, tau
from typing import TYPE_CHECKING, Final

from neatfool.cppn.genes import ConnectionGene
from neatfool.cppn.streams import normal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.cppn.genome import Genome, GenomeConfig
    from neatfool.cppn.streams import Draw

ZOOM: Final = 0.4
"""Standard deviation of the logarithm of the scale."""
SHIFT: Final = 0.3
"""Standard deviation of a move along x and y, of which half the image's side is the unit."""
TURNED: Final = 0.5
"""How often the picture is turned too, by any angle."""


class Framing:
    """Moves the view of a CPPN, in place."""

    def __init__(self, config: GenomeConfig) -> None:
        self._inputs: Sequence[int] = config.input_keys
        self._low, self._high = config.weight_min_value, config.weight_max_value

    def __call__(self, child: Genome, draw: Draw) -> None:
        """Zoom, move and perhaps turn a child that shares no dict with others.

        Where the distance is used the move is not exact: the distance stays that from the centre.
        Weights beyond their range are cut.
        """
        x, y, distance, one = self._inputs
        scale = exp(ZOOM * normal(draw))
        dx, dy = SHIFT * normal(draw), SHIFT * normal(draw)
        angle = tau * draw() if draw() < TURNED else 0.0
        c, s = scale * cos(angle), scale * sin(angle)
        genes = child.connections
        places = {target: None for source, target in genes if source < 0}
        for target in places:
            wx, wy, wd, w1 = (self._weight(child, (key, target)) for key in self._inputs)
            self._set(child, (x, target), c * wx - s * wy)
            self._set(child, (y, target), s * wx + c * wy)
            self._set(child, (distance, target), scale * wd)
            self._set(child, (one, target), w1 + dx * wx + dy * wy)

    def _weight(self, child: Genome, edge: tuple[int, int]) -> float:
        gene = child.connections.get(edge)
        return gene.weight if gene is not None and gene.enabled else 0.0

    def _set(self, child: Genome, edge: tuple[int, int], weight: float) -> None:
        if weight != self._weight(child, edge):
            weight = min(max(weight, self._low), self._high)
            child.connections[edge] = ConnectionGene.make(edge, weight)
