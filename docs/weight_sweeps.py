"""How fractured a network is: what becomes of its picture as one weight after the other is swept.

After Kumar, Clune, Lehman and Stanley, *Questioning Representational Optimism in Deep Learning: The
Fractured Entangled Representation Hypothesis* (2025), who look at such sweeps. The numbers here are
this project's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from neatfool import Encoding, cppn
from neatfool.cppn import Genome

STEPS: Final = 4
"""Steps of a sweep to either side, so that it has nine pictures."""
SPAN: Final = 0.02
"""How much the pictures at a sweep's ends differ from its middle on average: 5 levels of 255."""
SIDE: Final = 64
"""Pixels of a side of a sweep's pictures."""
MOST: Final = 32
"""Of a genome with more weights, so many are swept: enough for a mean, and one second a genome."""
FIRST: Final = 0.1
"""A sweep is first tried with this share of the weight to either side."""
TRIES: Final = 4
"""So often its ends are moved, by at most a factor of 8, until they are within a tenth."""

Draw: TypeAlias = Callable[[int, float], np.ndarray]
"""Draws the picture, uint8 [C, H, W], with weight number i at another value: draw(i, value)."""


@dataclass(frozen=True)
class GenomeSweeps:
    """The sweeps of E weights that are not 0."""

    places: list[int]
    """Which weights were swept."""
    sizes: np.ndarray
    """float64 [E], how far, as a share of the weight; at most 1."""
    effective: np.ndarray
    """Bool [E]: which weights can change the picture by half of what a sweep shall, or more."""
    spread: np.ndarray
    """float64 [E], the share of pixels that a sweep's change is spread over: (sum of m)^2 / (P sum
    of m^2), where m is the largest change of each of the P pixels."""
    ways: np.ndarray
    """float64 [E], the effective number of principal components of a sweep's pictures, from 1 to 8:
    (sum of l)^2 / (sum of l^2) of their variances l. 0 if nothing changes."""
    alike: np.ndarray
    """float64 [E, E], the squared cosine of what two weights do to the picture, from end to end."""

    @property
    def fracture(self) -> float:
        """The mean of (ways - 1) / (8 - 1) over the effective weights; NaN if there is none.

        0: as a weight is turned, the picture changes evenly in one way, as if something grew or
        faded. 1: each of the eight steps away from the genome shows a picture of its own.

        Its limits: an edge that moves over the picture counts as several ways, too, so fine
        patterns have higher values than broad ones. And it sees what single weights do, not how
        they work together.
        """
        return _mean((self.ways[self.effective] - 1) / (2 * STEPS - 1))

    @property
    def entangled(self) -> float:
        """The mean share of the picture that such a weight changes; NaN if there is none."""
        return _mean(self.spread[self.effective])

    @property
    def shared(self) -> float:
        """The mean squared cosine of two such weights' changes; NaN if there are not two.

        1: all change the picture in one way. 0: each in a way of its own.
        """
        two = np.triu_indices(int(self.effective.sum()), 1)
        return _mean(self.alike[np.ix_(self.effective, self.effective)][two])


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def take_weights(
    encoding: Encoding[Any], genome: Genome
) -> tuple[list[tuple[int, int]], list[float], Draw]:
    """Give a genome's enabled connections, their weights, and what draws it with another one."""
    weights = {edge: gene.weight for edge, gene in genome.connections.items() if gene.enabled}
    edges = list(weights)

    def draw(place: int, weight: float) -> np.ndarray:
        changed = genome.connections[edges[place]].copy()
        changed.weight = weight
        # A genome's genes never change, so all but this one are shared.
        connections = {**genome.connections, edges[place]: changed}
        other = cppn.Genome.of(genome.nodes.values(), connections.values())
        return encoding.render_at(other, SIDE, SIDE).numpy()

    return edges, list(weights.values()), draw


def sweep(draw: Draw, place: int, weight: float, size: float) -> np.ndarray:
    """Draw the pictures of a sweep of one weight: uint8 [9, C, H, W], its own in the middle."""
    turns = np.arange(-STEPS, STEPS + 1) / STEPS * size
    return np.stack([draw(place, weight * (1 + turn)) for turn in turns.tolist()])


def sweep_genome(
    encoding: Encoding[Any], genome: Genome, *, span: float = SPAN, most: int = MOST, seed: int = 1
) -> GenomeSweeps:
    """Sweep the enabled weights of a CPPN, and measure what becomes of its picture.

    Args:
        encoding: What draws the genome, such as ``run.encoding``.
        genome: The CPPN.
        span: As in :func:`sweep_weights`, like the others.
        most: Sweep at most so many weights.
        seed: Where these are drawn from.
    """
    _, weights, draw = take_weights(encoding, genome)
    return sweep_weights(draw, weights, span=span, most=most, seed=seed)


def sweep_weights(
    draw: Draw, weights: Sequence[float], *, span: float = SPAN, most: int = MOST, seed: int = 1
) -> GenomeSweeps:
    """Sweep the weights of any network that draws, and measure what becomes of its picture.

    Args:
        draw: Draws the picture, uint8 [C, H, W], with weight number i at another value, given i
            and the value.
        weights: The weights as they are. Those that are 0 are left out.
        span: How much the pictures at a sweep's ends differ from its middle on average, from 0
            to 1.
        most: Of more weights, so many are drawn at random.
        seed: Where these are drawn from.
    """
    places = np.flatnonzero(weights)
    if len(places) > most:
        places = np.sort(np.random.default_rng(seed).choice(places, most, replace=False))
    measured, changes = [], []
    for place in places.tolist():
        size = find_size(draw, place, weights[place], span)
        values = sweep(draw, place, weights[place], size) / 255
        measured.append((size, *_measure(values)))
        changes.append((values[-1] - values[0]).ravel())
    sizes, change, spread, ways = np.array(measured).reshape(-1, 4).T
    ends = np.array(changes).reshape(len(places), -1 if changes else 0)
    ends /= np.linalg.norm(ends, axis=1, keepdims=True).clip(1e-12)
    return GenomeSweeps(
        places.tolist(), sizes, change >= span / 2, spread, ways, (ends @ ends.T) ** 2
    )


def find_size(draw: Draw, place: int, weight: float, span: float) -> float:
    """Find with what share of a weight to either side the picture changes as it shall."""
    middle, size = draw(place, weight) / 255, FIRST
    for _ in range(TRIES):
        ends = [draw(place, weight * (1 + turn)) / 255 for turn in (-size, size)]
        change = float(np.abs(np.stack(ends) - middle).mean())
        if 0.9 * span < change < 1.1 * span or (size == 1 and change < span):
            break
        size = min(1.0, size * min(8.0, max(1 / 8, span / max(change, 1e-12))))
    return size


def _measure(values: np.ndarray) -> tuple[float, float, float]:
    """Give the change, the spread and the ways of a sweep."""
    moved = np.abs(values - values[STEPS])
    largest = moved.max((0, 1))
    squares = largest.size * np.square(largest).sum()
    spread = largest.sum() ** 2 / squares if squares > 0 else 0.0
    centred = (values - values.mean(0)).reshape(len(values), -1)
    # The variances of the principal components are the eigenvalues of this small matrix.
    variances = np.linalg.eigvalsh(centred @ centred.T).clip(0)
    squares = np.square(variances).sum()
    ways = variances.sum() ** 2 / squares if squares > 0 else 0.0
    return float(moved[[0, -1]].mean()), float(spread), float(ways)


def strip(pictures: np.ndarray) -> np.ndarray:
    """Put pictures side by side, from uint8 [N, C, H, W] to [C, H, W], with white gaps."""
    parted = np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 3)), constant_values=255)
    return parted.transpose(1, 2, 0, 3).reshape(*pictures.shape[1:3], -1)[..., :-3]
