"""How novel candidates are, compared with a memory of earlier ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from ribs.archives import DNSArchive, ProximityArchive

from .texts import read_array, write_array

if TYPE_CHECKING:
    from .options import Options

FIELDS = ("solution", "objective", "measures")
NAMES = {True: ("dominated_novelty",), False: ("novelty", "local_competition")}
"""What a memory tells, by whether it is one of dominated novelty."""


class Memory:
    """Earlier candidates by their measures, in an archive of pyribs.

    For ``novelty`` and ``local_competition`` it is a ``ProximityArchive`` of the last candidates
    that were novel. For ``dominated_novelty`` it is a ``DNSArchive`` of the best ones.
    """

    def __init__(self, options: Options, measures: int, *, dominated: bool) -> None:
        """Start empty; a candidate has so many ``measures``."""
        self._options = options
        self._measures = measures
        self._dominated = dominated
        self._archive = self._make()

    def add(self, fitness: np.ndarray, measures: np.ndarray) -> dict[str, np.ndarray]:
        """Compare candidates with the memory, then remember some of them.

        Args:
            fitness: float64 [N].
            measures: float64 [N, M].

        Returns:
            By name, an array [N] each: ``status``, whether a candidate is remembered, and what
            the rankers of novelty rank by.
        """
        if not len(fitness):
            return dict.fromkeys(("status", *NAMES[self._dominated]), np.zeros(0))
        found = self._archive.add(np.zeros(len(fitness)), fitness, measures)
        if self._dominated:
            # No fitter candidate is near: such ones come first, and infinities do not compare.
            novelty = np.minimum(found["dns"], np.finfo(np.float32).max)
            return {"status": found["status"], "dominated_novelty": novelty}
        if len(self._archive) > self._options.memory:
            kept = [self._archive.data(name)[-self._options.memory :] for name in FIELDS]
            self._archive = self._make()
            self._archive.add(*kept)
        return {name: found[name] for name in ("status", *NAMES[False])}

    def state(self) -> dict[str, Any]:
        """Give what is remembered, as JSON."""
        return {name: write_array(self._archive.data(name)) for name in FIELDS[1:]}

    def restore(self, state: dict[str, Any]) -> None:
        """Remember what :meth:`state` gave."""
        fitness = read_array(state["objective"], np.float64)
        measures = read_array(state["measures"], np.float64).reshape(-1, self._measures)
        if len(fitness):
            # An empty archive takes all, in this order.
            self._archive = self._make()
            self._archive.add(np.zeros(len(fitness)), fitness, measures)

    def _make(self) -> Any:
        shape: dict[str, Any] = {
            "solution_dim": (),
            "measure_dim": self._measures,
            "k_neighbors": self._options.neighbours,
        }
        if self._dominated:
            return DNSArchive(**shape, capacity=self._options.memory)
        threshold = self._options.novelty_threshold
        return ProximityArchive(**shape, novelty_threshold=threshold, local_competition=True)
