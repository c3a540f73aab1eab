"""The last members of a search as arrays: genomes, images and scores."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool.run.individual import EliteView, load_genome
from neatfool.run.schema import StoredElite
from neatfool.run.sqlite import damaged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.run.record import RunRecord

AT_ONCE: Final = 256
"""So many images are drawn together, which bounds the memory besides theirs."""


class Population:
    """The candidates from which a run's search goes on, one in each row.

    These are the elites, each once, and further members of schemes that keep a population, in the
    order of their ids. Each attribute is read or drawn when it is first used.

    Attributes:
        ids: The candidates' ids, int64 [N].
        generations: The generations they were bred in, int64 [N].
        classes: The K class names.
    """

    def __init__(self, run: RunRecord, ids: Sequence[int], elites: Sequence[StoredElite]) -> None:
        """Read the candidates of a run; use :meth:`neatfool.Run.population`."""
        self._run, self._elites = run, {each.candidate: each for each in elites}
        self._stored = [run.store.candidate(id_) for id_ in ids]
        self.ids = np.array(ids, np.int64)
        self.generations = np.array([each.generation for each in self._stored], np.int64)
        self.classes = run.classes

    @cached_property
    def genomes(self) -> list[Any]:
        """The genomes."""
        loads = self._run.encoding.loads
        return [load_genome(self._run.store, loads, each) for each in self._stored]

    @cached_property
    def images(self) -> np.ndarray:
        """The images at the target's size, uint8 [N, C, H, W]: of elites those that were scored."""
        images = np.empty((len(self), *self._run.spec.shape), np.uint8)
        drawn = [row for row, id_ in enumerate(self.ids.tolist()) if id_ not in self._elites]
        for start in range(0, len(drawn), AT_ONCE):
            rows = drawn[start : start + AT_ONCE]
            genomes = [self.genomes[row] for row in rows]
            images[rows] = self._run.encoding.render(genomes).cpu().numpy()
        for row, stored in enumerate(self._stored):
            if elite := self._elites.get(stored.id):
                images[row] = EliteView(self._run, elite, stored).saved_pixels()
        return images

    @cached_property
    def scores(self) -> np.ndarray:
        """The confidences that are recorded, float64 [N, K]; NaN where none is.

        Recorded are those in the classes that a candidate took when it was scored, and of elites
        those in their likeliest classes.
        """
        scores = np.full((len(self), len(self.classes)), np.nan)
        for row, id_ in enumerate(self.ids.tolist()):
            for index, confidence in self._run.store.top(id_):
                scores[row, index] = confidence
            for index, confidence, _ in self._run.store.won(id_):
                scores[row, index] = confidence
        return scores

    @cached_property
    def fitness(self) -> np.ndarray:
        """The fitness by which the scheme selects, float64 [N]; NaN where it has none.

        A scheme that keeps a population gives it in its state, as :meth:`~neatfool.Scheme.state`
        says. For ``single_class`` it is the rank in the class that is being searched.

        Raises:
            RunError: The recorded state is damaged.
        """
        scheme = (self._run.store.state() or {}).get("scheme")
        pairs = scheme.get("population", ()) if isinstance(scheme, dict) else ()
        try:
            known = {int(id_): float(fitness) for id_, fitness in pairs}
        except (TypeError, ValueError) as error:
            raise damaged(self._run.store.path, "the fitness of its population") from error
        return np.array([known.get(id_, np.nan) for id_ in self.ids.tolist()], np.float64)

    def __len__(self) -> int:
        """Count the candidates."""
        return len(self._stored)

    def __repr__(self) -> str:
        return f"<population of {len(self)} of {self._run!r}>"
