"""The scheme: emitters take turns, and the classes are the niches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from neatfool import Archive, Candidate, ExperimentError, Scheme, derive_seed, derive_seeds

from .emitter import Emitter
from .feedback import FARTHEST, Feedback, Judge, Memory, Neighbour
from .options import OF_THE_MEMORY
from .space import Pixels, choose_space, read_array, write_array

if TYPE_CHECKING:
    from neatfool import Encoding, ImageSpec, Replacement, Scores

    from .options import Options

MOST_NUMBERS: Final = 1500
"""More numbers than this are too many for ``cma_es``: it works on their square, in each emitter."""
CREATED_AT_ONCE: Final = 64
"""Random candidates are made in pieces of this size; some are scored while others are made."""
DOMINATED: Final = "dominated_novelty"


class Ribs(Scheme):
    """The scheme ``ribs``. It has no bar: emitters learn from exact scores only."""

    def __init__(
        self, options: Options, *, encoding: Encoding[Any], spec: ImageSpec, seed: int
    ) -> None:
        """Start a search.

        Raises:
            ExperimentError: The encoding has no numbers to vary, or too many for the strategy; or
                the target lacks a class of ``classes``.
        """
        self.batch = options.batch
        self.archive = Archive.of(spec, options.classes)
        self._options, self._encoding = options, encoding
        self._space = choose_space(encoding, spec.shape)
        self._seed = seed
        self._initial = options.initial or options.absent(spec)["initial"]
        self._generation = self._candidate_count = self._started = 0
        self._judge = Judge(self.archive, options.threshold_rate, seed)
        self._memories = self._make_memories()
        self._emitters: list[Emitter | None] = [None] * options.emitter_count
        self._turns: list[int] = []
        self._vectors: dict[int, tuple[str, np.ndarray]] = {}
        pixels = int(np.prod(spec.shape)) if isinstance(self._space, Pixels) else 0
        strategic = "evolution_strategy" in options.emitter and options.strategy == "cma_es"
        if strategic and pixels > MOST_NUMBERS:
            raise ExperimentError(
                f"strategy = cma_es: an image has {pixels} numbers, and it takes at most "
                f"{MOST_NUMBERS}; use strategy = sep_cma_es or lm_ma_es"
            )

    def ask(self) -> Iterator[Candidate]:
        """Make random candidates at first; then let each emitter propose some.

        Emitters have proposed all when this returns; genomes are written as they are taken.
        """
        held = self.archive.candidate_ids[self.archive.classes]
        filled = self.archive.classes[held >= 0]
        if not len(filled):
            self._turns = []
            return self._make_random(self._new_ids(self._initial))
        self._start_emitters(filled)
        self._turns, proposed = [], []
        for emitter in self._at_work():
            neighbours = self._neighbours(emitter, filled) if emitter.draws_elites else ()
            vectors, litters = emitter.ask(self._generation, neighbours)
            self._turns.append(len(vectors))
            ids = self._new_ids(len(vectors))
            proposed.append(self._write(emitter.base, vectors, litters, ids))
        return chain.from_iterable(proposed)

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Let each emitter learn what became of its candidates, and offer all to every niche."""
        feedback = self._judge.judge(scores)
        of_memories = self._remember(feedback)
        place = 0
        for emitter, count in zip(self._at_work(), self._turns, strict=False):
            rows = slice(place, place + count)
            place += count
            # The last generation of a run may be cut short.
            if place <= len(candidates):
                memory = of_memories.get(emitter.ranker, {})
                emitter.tell(self._generation, _part(feedback, memory, rows))
        self._turns = []
        self._generation += 1
        replacements = self.archive.offer(candidates, scores)
        held = self.archive.candidates
        self._vectors = {id_: pair for id_, pair in self._vectors.items() if id_ in held}
        return replacements

    def members(self) -> Sequence[Candidate]:
        """List what the emitters started from."""
        origins = chain.from_iterable(each.origins for each in self._at_work())
        return list({origin.id: origin for origin in origins}.values())

    def state(self) -> dict[str, Any]:
        """Give the counters, and what emitters, thresholds and memories need to go on."""
        state: dict[str, Any] = {
            "generation": self._generation,
            "asked": self._candidate_count,
            "started": self._started,
            "known": self._judge.known,
            "emitters": [each and each.state() for each in self._emitters],
            "memories": {name: memory.state() for name, memory in self._memories.items()},
        }
        if self._judge.thresholds is not None:
            # JSON has no infinity.
            state["thresholds"] = write_array(self._judge.thresholds)
        return state

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave; strategies go again through what they learnt."""
        self._generation, self._candidate_count = state["generation"], state["asked"]
        self._started, self._judge.known = state["started"], state["known"]
        if "thresholds" in state:
            self._judge.thresholds = read_array(state["thresholds"], np.float64)
        self._memories = self._make_memories()
        for name, memory in self._memories.items():
            memory.restore(state["memories"][name])
        for place, saved in enumerate(state["emitters"]):
            if saved is None:
                continue
            origins = tuple(candidates[id_] for id_ in saved["origins"])
            number, born, home = saved["number"], saved["born"], saved["home"]
            emitter = self._begin(place, number, born, origins, home=home)
            emitter.restore(saved)
            self._emitters[place] = emitter

    def _make_memories(self) -> dict[str, Memory]:
        """Make a memory for each ranker of novelty; those that rank alike share one."""
        wanted = [name for name in OF_THE_MEMORY if name in self._options.ranker]
        if wanted and not self._judge.known:
            raise ExperimentError(
                f"ranker = {wanted[0]}: the target does not list its classes, which novelty is "
                "measured by; use ranker = improvement"
            )
        return {
            name: Memory(self._options, self._judge.measures, dominated=name == DOMINATED)
            for name in wanted
        }

    def _remember(self, feedback: Feedback) -> dict[str, dict[str, np.ndarray]]:
        """Add all candidates that could be scored to the memories."""
        fitness = feedback.ranks[:, self.archive.classes].max(1)
        usable = np.flatnonzero(fitness > -FARTHEST)
        remembered = {}
        for name, memory in self._memories.items():
            given = memory.add(fitness[usable], feedback.measures[usable])
            # A refused image is not novel at all.
            remembered[name] = {
                key: _spread(values, usable, len(fitness)) for key, values in given.items()
            }
        return remembered

    def _make_random(self, ids: range) -> Iterator[Candidate]:
        for start in range(0, len(ids), CREATED_AT_ONCE):
            piece = ids[start : start + CREATED_AT_ONCE]
            genomes = self._encoding.create(derive_seeds(self._seed, "create", ids=piece))
            for id_, genome in zip(piece, genomes, strict=True):
                yield Candidate(id_, genome, generation=self._generation)

    def _start_emitters(self, filled: np.ndarray) -> None:
        """Start the emitters that have not started, have converged, or find nothing any more."""
        patience = self._options.restart_after
        for place, emitter in enumerate(self._emitters):
            tired = emitter is not None and 0 < patience <= emitter.idle
            if emitter is not None and not emitter.converged and not tired:
                continue
            number, self._started = self._started, self._started + 1
            origins, home = self._choose_origins(filled, number)
            self._emitters[place] = self._begin(place, number, self._generation, origins, home=home)

    def _choose_origins(self, filled: np.ndarray, number: int) -> tuple[tuple[Candidate, ...], int]:
        """Draw niches; give their elites, fittest first, and the first niche."""
        draw = np.random.default_rng(derive_seed(self._seed, "ribs-origins", number))
        niches = filled[draw.integers(len(filled), size=self._encoding.parents)]
        count = 1
        if self._options.restart_at == "child":
            encoding = self._encoding.in_generation(self._generation)
            (count,) = encoding.litter_sizes([self._base_seed(number)])
        home, litter = int(niches[0]), niches[:count]
        litter = litter[np.argsort(-self.archive.ranks[litter], kind="stable")]
        held = self.archive.candidates
        ids = dict.fromkeys(self.archive.candidate_ids[litter].tolist())
        return tuple(held[id_] for id_ in ids), home

    def _begin(
        self, place: int, number: int, born: int, origins: tuple[Candidate, ...], *, home: int
    ) -> Emitter:
        """Start an emitter, or start one again as it did in an earlier generation."""
        base = origins[0].genome
        if self._options.restart_at == "child":
            encoding = self._encoding.in_generation(born)
            (base,) = encoding.breed([[each.genome for each in origins]], [self._base_seed(number)])
        return Emitter(
            self._options,
            self._space,
            place=place,
            number=number,
            born=born,
            origins=origins,
            home=home,
            base=base,
            measures=self._judge.measures,
            seed=self._seed,
        )

    def _base_seed(self, number: int) -> int:
        return derive_seed(self._seed, "ribs-base", number)

    def _write(
        self, base: Any, vectors: np.ndarray, litters: list[tuple[int, ...]], ids: range
    ) -> Iterator[Candidate]:
        for each in zip(ids, self._space.write(base, vectors), litters, strict=True):
            yield Candidate(*each, self._generation)

    def _neighbours(self, emitter: Emitter, filled: np.ndarray) -> list[Neighbour]:
        """List the elites whose vectors mix with an emitter's, one for each niche."""
        own = self._space.structure(emitter.base)
        neighbours = []
        for niche in filled.tolist():
            id_ = int(self.archive.candidate_ids[niche])
            if id_ not in self._vectors:
                genome = self.archive.candidates[id_].genome
                self._vectors[id_] = self._space.structure(genome), self._space.read(genome)
            structure, vector = self._vectors[id_]
            if structure == own:
                neighbours.append(Neighbour(id_, float(self.archive.ranks[niche]), vector))
        return neighbours

    def _at_work(self) -> list[Emitter]:
        return [each for each in self._emitters if each is not None]

    def _new_ids(self, count: int) -> range:
        self._candidate_count += count
        return range(self._candidate_count - count, self._candidate_count)


def _part(feedback: Feedback, of_memory: dict[str, np.ndarray], rows: slice) -> Feedback:
    return Feedback(
        feedback.ranks[rows],
        feedback.status[rows],
        feedback.value[rows],
        feedback.measures[rows],
        {name: values[rows] for name, values in of_memory.items()},
    )


def _spread(values: np.ndarray, rows: np.ndarray, count: int) -> np.ndarray:
    """Put values into their rows of ``count``; the others have 0."""
    spread = np.zeros(count, values.dtype)
    spread[rows] = values
    return spread
