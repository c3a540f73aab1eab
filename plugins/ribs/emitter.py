"""One emitter of pyribs at work, from its start to its next start."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

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

from neatfool import derive_seed

from .feedback import Niches
from .space import read_array, write_array

if TYPE_CHECKING:
    from ribs.archives import ArchiveBase
    from ribs.emitters import EmitterBase

    from neatfool import Candidate

    from .feedback import Feedback, Neighbour
    from .options import Options
    from .space import Space

STRATEGIES: dict[str, type[Any]] = {
    "cma_es": CMAEvolutionStrategy,
    "sep_cma_es": SeparableCMAEvolutionStrategy,
    "lm_ma_es": LMMAEvolutionStrategy,
}
FARTHEST_NUMBER = 1e6
"""A strategy has gone astray if it proposes a number beyond this, and soon would overflow."""
ASK, TELL, BEGIN = "ribs-ask", "ribs-tell", "ribs-begin"


class DominatedNoveltyRanker(rankers.RankerBase):  # type: ignore[misc]
    """Ranks by dominated novelty, which pyribs has an archive for, but no ranker."""

    def rank(
        self,
        emitter: EmitterBase,
        archive: ArchiveBase,
        data: dict[str, np.ndarray],
        add_info: dict[str, np.ndarray],
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

    An evolution strategy depends on nothing but its start, its draws and these orders. So the
    orders are all that a resumed run needs to bring a strategy to where it was.
    """

    def __init__(self, ranker: rankers.RankerBase) -> None:
        self._ranker = ranker
        self.order: np.ndarray | None = None
        """The last order, int64 [N]. If ``replaying``, the order to give next."""
        self.replaying = False

    def rank(
        self,
        emitter: EmitterBase,
        archive: ArchiveBase,
        data: dict[str, np.ndarray],
        add_info: dict[str, np.ndarray],
    ) -> tuple[np.ndarray, np.ndarray]:
        """Give the order of the candidates, the best first, and what it is made from."""
        if not self.replaying:
            self.order, values = self._ranker.rank(emitter, archive, data, add_info)
            return self.order, values
        assert self.order is not None
        # Only a strategy that did not stop is replayed, and equal values would stop it.
        values = np.empty(len(self.order))
        values[self.order] = np.arange(len(self.order), 0, -1)
        return self.order, values

    def reset(self, emitter: EmitterBase, archive: ArchiveBase) -> None:
        """Let the ranker draw anew what it draws: a direction."""
        self._ranker.reset(emitter, archive)


class Emitter:
    """An emitter of pyribs, from a start on.

    Attributes:
        number: How many emitters started before it, in the whole run.
        ranker: What it ranks by, by the name in ``Options.ranker``.
        origins: The elites that it started from, fittest first.
        base: The genome that it started at, a child of the origins or the first of them.
        idle: The generations in a row without an improvement.
        converged: Whether its strategy has stopped or gone astray, so that it must start again.
    """

    def __init__(
        self,
        options: Options,
        space: Space,
        *,
        place: int,
        number: int,
        born: int,
        origins: tuple[Candidate, ...],
        home: int,
        base: Any,
        measures: int,
        seed: int,
    ) -> None:
        """Start a new one in generation ``born``, the ``place``-th of those that work side by side.

        Its objective is the log-odds of class ``home``. ``measures`` numbers measure a candidate,
        and ``seed`` is the run's.
        """
        self.number, self.origins, self.base = number, origins, base
        self.ranker = options.ranker[place % len(options.ranker)]
        self.idle = 0
        self.converged = False
        self._kind = options.emitter[place % len(options.emitter)]
        self._born, self._home = born, home
        self._options = options
        self._sigma = options.sigma or space.usual_sigma
        self._seed = seed
        self._journal: list[np.ndarray] = []
        self._proposed = np.empty((0, 0))
        self._astray = False
        # Every generator of pyribs is this one, and is set from a derived seed before each use.
        self._chance = np.random.Generator(np.random.PCG64(0))
        self._draw(BEGIN, 0)
        vector = space.read(base)
        self._niches = Niches(vector, measures, self._chance)
        self._ranker = NotingRanker(CLASSES[self.ranker](self._chance))
        self._emitter = self._make(vector)

    @property
    def draws_elites(self) -> bool:
        """Whether it varies elites of its space, and so needs to know them."""
        return self._kind != "evolution_strategy"

    def ask(
        self, generation: int, neighbours: Sequence[Neighbour] = ()
    ) -> tuple[np.ndarray, list[tuple[int, ...]]]:
        """Propose candidates.

        Args:
            generation: The generation that they are of.
            neighbours: The elites of its space, if :attr:`draws_elites`.

        Returns:
            Their vectors, float64 [N, P], and the ids of each one's parents, fittest first.
        """
        self._niches.neighbours, self._niches.drawn = neighbours, []
        self._draw(ASK, generation)
        proposed = np.asarray(self._emitter.ask())
        self._astray = not (np.abs(proposed) < FARTHEST_NUMBER).all()
        self._proposed = np.clip(np.nan_to_num(proposed), -FARTHEST_NUMBER, FARTHEST_NUMBER)
        count, drawn = len(self._proposed), self._niches.drawn
        if not drawn:
            return self._proposed, [tuple(each.id for each in self.origins)] * count
        litters = (drawn[place::count] for place in range(count))
        ordered = (sorted(litter, key=lambda each: -each.rank) for litter in litters)
        ids = [tuple(dict.fromkeys(each.id for each in litter)) for litter in ordered]
        return self._proposed, ids

    def tell(self, generation: int, feedback: Feedback) -> None:
        """Learn what became of the candidates of the last :meth:`ask`."""
        of_memory = {} if self.draws_elites else feedback.of_memory
        status = of_memory.get("status", feedback.status)
        self.idle = 0 if status.any() else self.idle + 1
        if self.draws_elites:
            return
        if self._astray:
            self.converged = True
            return
        info = {"value": feedback.value, **of_memory, "status": status}
        self._draw(TELL, generation)
        objective = feedback.ranks[:, self._home]
        self._emitter.tell(self._proposed, objective, feedback.measures, info)
        self.converged = self._emitter.restarts > 0
        assert self._ranker.order is not None
        added = np.count_nonzero(status)
        self._journal.append(np.array([generation, added, *self._ranker.order], np.int32))

    def state(self) -> dict[str, Any]:
        """Give what a resumed run needs besides the base, as JSON: all orders since the start."""
        return {
            "number": self.number,
            "born": self._born,
            "origins": [each.id for each in self.origins],
            "home": self._home,
            "idle": self.idle,
            "converged": self.converged,
            "tells": len(self._journal),
            "journal": write_array(np.array(self._journal, np.int32)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go through all that happened since the start, to the same bits."""
        if state["tells"]:
            self._journal = [*read_array(state["journal"], np.int32).reshape(state["tells"], -1)]
        if not state["converged"]:
            self._ranker.replaying = True
            for row in self._journal:
                self._repeat(int(row[0]), int(row[1]), row[2:].astype(np.int64))
            self._ranker.replaying = False
        self.idle, self.converged = state["idle"], state["converged"]

    def _repeat(self, generation: int, added: int, order: np.ndarray) -> None:
        vectors, _ = self.ask(generation)
        self._draw(TELL, generation)
        self._ranker.order = order
        count = len(vectors)
        zeros = np.zeros(count)
        measures = np.zeros((count, self._niches.measure_dim))
        info = {"status": (np.arange(count) < added).astype(np.int64), "value": zeros}
        self._emitter.tell(vectors, zeros, measures, info)

    def _draw(self, purpose: str, generation: int) -> None:
        seed = derive_seed(self._seed, purpose, self.number, generation)
        self._chance.bit_generator.state = np.random.PCG64(seed).state

    def _make(self, vector: np.ndarray) -> Any:
        options = self._options
        size, sigma = options.batch_per_emitter, self._sigma
        common: dict[str, Any] = {"x0": vector, "batch_size": size, "seed": self._chance}
        iso = {"iso_sigma": sigma, "line_sigma": options.line_sigma}
        if self._kind == "gaussian":
            return GaussianEmitter(self._niches, sigma=sigma, **common)
        if self._kind == "iso_line":
            return IsoLineEmitter(self._niches, **iso, **common)
        if self._kind == "genetic":
            isoline = options.operator == "iso_line"
            given: dict[str, Any] = {
                "operator": "isoline" if isoline else "gaussian",
                "operator_kwargs": iso if isoline else {"sigma": sigma},
            }
            return GeneticAlgorithmEmitter(self._niches, **given, **common)
        return self._make_strategy(vector)

    def _make_strategy(self, vector: np.ndarray) -> Any:
        options = self._options
        strategy, size = STRATEGIES[options.strategy], options.batch_per_emitter
        if options.strategy == "lm_ma_es":  # it takes no more than the vector has numbers
            size = min(size, len(vector))
        return EvolutionStrategyEmitter(
            self._niches,
            x0=vector,
            sigma0=self._sigma,
            ranker=lambda seed: self._ranker,
            es=lambda **given: strategy(**{**given, "seed": self._chance}),
            selection_rule=options.selection,
            # How long to go on without improvement is the scheme's to say, for all kinds alike.
            restart_rule="basic",
            batch_size=size,
        )
