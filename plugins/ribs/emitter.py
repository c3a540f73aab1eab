"""One emitter of pyribs at work, from its start to its next start."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from ribs.emitters import (
    EvolutionStrategyEmitter,
    GaussianEmitter,
    GeneticAlgorithmEmitter,
    IsoLineEmitter,
    rankers,
)
from ribs.emitters.opt import (
    CMAEvolutionStrategy,
    LMMAEvolutionStrategy,
    SeparableCMAEvolutionStrategy,
)

from neatfool import Candidate, Elite, derive_seed

from . import Options
from .feedback import Niches, read_array, write_array

STRATEGIES: Final[dict[str, type[Any]]] = {
    "cma_es": CMAEvolutionStrategy,
    "sep_cma_es": SeparableCMAEvolutionStrategy,
    "lm_ma_es": LMMAEvolutionStrategy,
}
FARTHEST_NUMBER: Final = 1e6
"""A strategy has gone astray if it proposes a number beyond this, and soon would overflow."""


class DominatedNoveltyRanker(rankers.RankerBase):  # type: ignore[misc]
    """Ranks by dominated novelty, which pyribs has an archive for, but no ranker."""

    def rank(
        self, emitter: Any, archive: Any, data: Any, add_info: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the order, the most novel among the fitter first, and what it is made from."""
        values = add_info["dominated_novelty"]
        return np.flip(np.argsort(values, kind="stable")), values


CLASSES: Final[dict[str, type[Any]]] = {
    "improvement": rankers.ImprovementRanker,
    "two_stage_improvement": rankers.TwoStageImprovementRanker,
    "objective": rankers.ObjectiveRanker,
    "two_stage_objective": rankers.TwoStageObjectiveRanker,
    "random_direction": rankers.RandomDirectionRanker,
    "two_stage_random_direction": rankers.TwoStageRandomDirectionRanker,
    "novelty": rankers.NoveltyRanker,
    "local_competition": rankers.NSLCRanker,
    "dominated_novelty": DominatedNoveltyRanker,
}


class NotingRanker(rankers.RankerBase):  # type: ignore[misc]
    """Notes the orders that a ranker gives, and can give noted ones in its place.

    A strategy depends on nothing but its start, its draws and these orders: a resumed run needs no
    more to bring it to where it was.
    """

    def __init__(self, ranker: rankers.RankerBase) -> None:
        self._ranker = ranker
        self.order = np.empty(0, np.int64)
        """The last order, int64 [N]. If ``replaying``, the order to give next."""
        self.replaying = False

    def rank(
        self, emitter: Any, archive: Any, data: Any, add_info: dict[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the order of the candidates, the best first, and what it is made from."""
        if not self.replaying:
            self.order, values = self._ranker.rank(emitter, archive, data, add_info)
            return self.order, values
        # Only a strategy that did not stop is replayed, and equal values would stop it.
        values = np.empty(len(self.order))
        values[self.order] = np.arange(len(self.order), 0, -1)
        return self.order, values

    def reset(self, emitter: Any, archive: Any) -> None:
        """Let the ranker draw a direction anew."""
        self._ranker.reset(emitter, archive)


class Emitter:
    """An emitter of pyribs that ``origins`` (elites, fittest first) started at the genome ``base``.

    ``idle`` counts the generations without an improvement; if it has ``converged``, its strategy
    has stopped or gone astray; if it ``draws_elites``, it needs to know those of its space.
    """

    def __init__(
        self,
        options: Options,
        *,
        place: int,
        start: tuple[int, int, int],
        origins: tuple[Candidate, ...],
        base: Any,
        vector: np.ndarray,
        sigma: float,
        measures: int,
        seed: int,
    ) -> None:
        """Start the ``place``-th of those that work side by side.

        ``start`` is how many started before it, the generation, and the class whose log-odds it
        climbs. ``vector``, float64 [P], is what ``base`` is written as; ``seed`` is the run's.
        """
        self.origins, self.base = origins, base
        self.ranker = options.ranker[place % len(options.ranker)]
        self.idle, self.converged = 0, False
        kind = options.emitter[place % len(options.emitter)]
        self.draws_elites = kind != "evolution_strategy"
        self._start = start
        self._seed = seed
        self._journal: list[np.ndarray] = []
        self._proposed = np.empty((0, 0))
        self._astray = False
        # Every generator of pyribs is this one, and is set from a derived seed before each use.
        self._chance = np.random.Generator(np.random.PCG64(0))
        self._draw("ribs-begin", 0)
        self._niches = Niches(vector, measures, self._chance)
        self._ranker = NotingRanker(CLASSES[self.ranker](self._chance))
        self._emitter = self._make(kind, options, vector, sigma)

    def ask(
        self, generation: int, neighbours: Sequence[tuple[Elite, np.ndarray]] = ()
    ) -> tuple[np.ndarray, list[tuple[int, ...]]]:
        """Propose candidates: float64 [N, P], and the ids of each one's parents, fittest first."""
        self._niches.neighbours, self._niches.drawn = neighbours, []
        self._draw("ribs-ask", generation)
        proposed = np.asarray(self._emitter.ask())
        self._astray = not (np.abs(proposed) < FARTHEST_NUMBER).all()
        self._proposed = np.clip(np.nan_to_num(proposed), -FARTHEST_NUMBER, FARTHEST_NUMBER)
        count, drawn = len(self._proposed), self._niches.drawn
        if not drawn:
            return self._proposed, [tuple(each.id for each in self.origins)] * count
        litters = (drawn[place::count] for place in range(count))
        ordered = (sorted(litter, key=lambda each: -each.rank) for litter in litters)
        ids = [tuple(dict.fromkeys(each.candidate.id for each in litter)) for litter in ordered]
        return self._proposed, ids

    def tell(
        self, generation: int, feedback: dict[str, np.ndarray], of_memory: dict[str, np.ndarray]
    ) -> None:
        """Learn what became of the candidates of the last :meth:`ask`; a memory adds its own."""
        info = feedback if self.draws_elites else feedback | of_memory
        status = info["status"]
        self.idle = 0 if status.any() else self.idle + 1
        if self.draws_elites:
            return
        if self._astray:
            self.converged = True
            return
        self._draw("ribs-tell", generation)
        objective = info.pop("ranks")[:, self._start[2]]
        self._emitter.tell(self._proposed, objective, info.pop("measures"), info)
        self.converged = self._emitter.restarts > 0
        added = np.count_nonzero(status)
        self._journal.append(np.array([generation, added, *self._ranker.order], np.int32))

    def state(self) -> dict[str, Any]:
        """Give what a resumed run needs besides the base, as JSON: all orders since the start."""
        number, born, home = self._start
        return {
            "number": number,
            "born": born,
            "origins": [each.id for each in self.origins],
            "home": home,
            "idle": self.idle,
            "converged": self.converged,
            "tells": len(self._journal),
            "journal": write_array(np.array(self._journal, np.int32)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go through all that happened since the start, to the same bits."""
        if state["tells"]:
            self._journal = [*read_array(state["journal"], np.int32).reshape(state["tells"], -1)]
        self._ranker.replaying = True
        for row in [] if state["converged"] else self._journal:
            generation, added, self._ranker.order = int(row[0]), row[1], row[2:].astype(np.int64)
            vectors, _ = self.ask(generation)
            self._draw("ribs-tell", generation)
            zeros = np.zeros(len(vectors))
            measures = np.zeros((len(vectors), self._niches.measure_dim))
            status = (np.arange(len(vectors)) < added).astype(np.int64)
            self._emitter.tell(vectors, zeros, measures, {"status": status, "value": zeros})
        self._ranker.replaying = False
        self.idle, self.converged = state["idle"], state["converged"]

    def _draw(self, purpose: str, generation: int) -> None:
        seed = derive_seed(self._seed, purpose, self._start[0], generation)
        self._chance.bit_generator.state = np.random.PCG64(seed).state

    def _make(self, kind: str, options: Options, vector: np.ndarray, sigma: float) -> Any:
        size = options.batch_per_emitter
        common: dict[str, Any] = {"x0": vector, "batch_size": size, "seed": self._chance}
        iso = {"iso_sigma": sigma, "line_sigma": options.line_sigma}
        if kind == "gaussian":
            return GaussianEmitter(self._niches, sigma=sigma, **common)
        if kind == "iso_line":
            return IsoLineEmitter(self._niches, **iso, **common)
        if kind == "genetic":
            isoline = options.operator == "iso_line"
            given: dict[str, Any] = {
                "operator": "isoline" if isoline else "gaussian",
                "operator_kwargs": iso if isoline else {"sigma": sigma},
            }
            return GeneticAlgorithmEmitter(self._niches, **given, **common)
        strategy = STRATEGIES[options.strategy]
        if options.strategy == "lm_ma_es":  # it takes no more than the vector has numbers
            size = min(size, len(vector))
        return EvolutionStrategyEmitter(
            self._niches,
            x0=vector,
            sigma0=sigma,
            ranker=lambda seed: self._ranker,
            es=lambda **given: strategy(**{**given, "seed": self._chance}),
            selection_rule=options.selection,
            # How long to go on without improvement is the scheme's to say, for all kinds alike.
            restart_rule="basic",
            batch_size=size,
        )
