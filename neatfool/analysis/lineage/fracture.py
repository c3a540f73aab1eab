"""How fractured a CPPN is: what becomes of its picture as one weight after the other is swept.

After Kumar, Clune, Lehman and Stanley, *Questioning Representational Optimism in Deep Learning: The
Fractured Entangled Representation Hypothesis* (2025), who look at such sweeps. The numbers here are
this project's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import cppn

if TYPE_CHECKING:
    from neatfool.cppn import Genome
    from neatfool.spec.encoding import Encoding

STEPS: Final = 4
"""Steps of a sweep to either side, so that it has nine pictures."""
SPAN: Final = 0.1
"""How far a sweep goes to either side, in root mean squares of the genome's weights."""
SIDE: Final = 64
"""Pixels of a side of a sweep's pictures."""
MOST: Final = 32
"""Of a genome with more weights, so many are swept: enough for a mean, and one second a genome."""
SEEN: Final = 8 / 255
"""A pixel has changed if one of its channels moved by more than this from the picture's own."""


@dataclass(frozen=True)
class Sweeps:
    """The sweeps of a genome's E enabled connections."""

    edges: list[tuple[int, int]]
    weights: np.ndarray
    """float64 [E], their own weights."""
    change: np.ndarray
    """float64 [E], the mean absolute change of the picture over a sweep, from 0 to 1."""
    reach: np.ndarray
    """float64 [E], the share of pixels that changed visibly somewhere in a sweep."""
    ways: np.ndarray
    """float64 [E], the effective number of principal components of a sweep's pictures, from 1 to 8:
    (sum of l)^2 / (sum of l^2) of their variances l. 0 if nothing changes."""

    @property
    def effective(self) -> np.ndarray:
        """Bool [E]: which weights change the picture visibly."""
        return self.reach > 0

    @property
    def fracture(self) -> float:
        """The number: the mean of (ways - 1) / (8 - 1) over the weights that change anything.

        0: as a weight is turned, the picture changes evenly in one way, as if something grew or
        faded. 1: each of the eight steps away from the genome shows a picture of its own.

        Its limits: an edge that moves over the picture counts as several ways, too, so fine
        patterns have higher values than broad ones. It depends on how far weights are swept. And it
        sees what single weights do, not how they work together. NaN if no weight changes anything.
        """
        ways = self.ways[self.effective]
        return float(((ways - 1) / (2 * STEPS - 1)).mean()) if len(ways) else float("nan")

    @property
    def entangled(self) -> float:
        """The mean share of the picture that such a weight changes; NaN if there is none."""
        reach = self.reach[self.effective]
        return float(reach.mean()) if len(reach) else float("nan")


def offsets(genome: Genome, span: float = SPAN) -> np.ndarray:
    """Give what a sweep adds to a weight, float64 [9], 0 in the middle."""
    weights = [gene.weight for gene in genome.connections.values() if gene.enabled]
    size = float(np.sqrt(np.mean(np.square(weights)))) if weights else 0.0
    return np.arange(-STEPS, STEPS + 1) / STEPS * span * size


def sweep(
    encoding: Encoding[Any], genome: Genome, edge: tuple[int, int], *, span: float = SPAN
) -> np.ndarray:
    """Draw the pictures of a sweep of one weight: uint8 [9, C, 64, 64]."""
    drawn = []
    for more in offsets(genome, span).tolist():
        gene = genome.connections[edge]
        changed = gene.having("weight", gene.weight + more)
        # A genome's genes never change, so all but this one are shared.
        other = cppn.Genome.of(
            genome.nodes.values(), {**genome.connections, edge: changed}.values()
        )
        drawn.append(encoding.render_at(other, SIDE, SIDE).numpy())
    return np.stack(drawn)


def sweep_all(
    encoding: Encoding[Any], genome: Genome, *, span: float = SPAN, most: int = MOST, seed: int = 1
) -> Sweeps:
    """Sweep the enabled weights of a genome, and measure what becomes of the picture.

    Of more weights than ``most``, so many are drawn at random.
    """
    edges = [edge for edge, gene in genome.connections.items() if gene.enabled]
    if len(edges) > most:
        drawn = np.random.default_rng(seed).choice(len(edges), most, replace=False)
        edges = [edges[place] for place in sorted(drawn.tolist())]
    measured = [_measure(sweep(encoding, genome, edge, span=span)) for edge in edges]
    change, reach, ways = np.array(measured).reshape(-1, 3).T
    weights = np.array([genome.connections[edge].weight for edge in edges])
    return Sweeps(edges, weights, change, reach, ways)


def _measure(pictures: np.ndarray) -> tuple[float, float, float]:
    """Give the change, the reach and the ways of a sweep."""
    values = pictures.astype(np.float64) / 255
    moved = np.abs(values - values[STEPS])
    reach = (moved.max(1) > SEEN).any(0).mean()
    centred = (values - values.mean(0)).reshape(len(values), -1)
    # The variances of the principal components are the eigenvalues of this small matrix.
    variances = np.linalg.eigvalsh(centred @ centred.T).clip(0)
    squares = np.square(variances).sum()
    ways = variances.sum() ** 2 / squares if squares > 0 else 0.0
    return float(moved.mean()), float(reach), float(ways)
