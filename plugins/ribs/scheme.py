"""The scheme: emitters work side by side, the classes are the niches, and genomes are vectors.

Emitters learn from exact scores alone. Screening, which depends on a measured speed, would show
through in what they do next, so the scheme has no ``bar`` and every candidate is scored exactly.
"""

import base64
import zlib
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final, NamedTuple

import numpy as np
from ribs.emitters.opt import CMAEvolutionStrategy

from neatfool import (
    Archive,
    Candidate,
    Encoding,
    ExperimentError,
    ImageSpec,
    Parametric,
    Replacement,
    Scheme,
    Scores,
    derive_seed,
    derive_seeds,
    rank,
)

from . import Options

CREATED_AT_ONCE: Final = 64
"""Random candidates are made in pieces of this size; some are scored while others are made."""

FARTHEST: Final = 1e9
"""Log-odds beyond this count as this, because CMA-ES takes finite numbers only."""
NOT_ADDED, IMPROVED, NEW = 0, 1, 2
FARTHEST_NUMBER: Final = 1e6
"""A strategy has gone astray if it proposes a number beyond this, and soon would overflow."""


class Start(NamedTuple):
    """Where and when an emitter starts."""

    number: int  # how many started before it
    generation: int
    home: int  # the class whose niche it drew
    origins: tuple[Candidate, ...]  # the elites that the base is a child of, fittest first


class Emitter:
    """An emitter that varies the numbers of the genome ``base``.

    ``idle`` counts the generations without an improvement; if it has ``converged``, its strategy
    has stopped or gone astray.

    A strategy depends on nothing but its start, its draws and the orders in which candidates were
    ranked: a resumed run needs no more than these orders to bring it to where it was.
    """

    def __init__(
        self, start: Start, base: Any, vector: np.ndarray, *, options: Options, seed: int
    ) -> None:
        """Start at ``vector``, float64 [P], which is what the base is written as.

        The seed is the run's.
        """
        self.start, self.base = start, base
        self.idle, self.converged = 0, False
        self._seed = seed
        self._journal: list[np.ndarray] = []
        self._astray = False
        # It is set from a derived seed before each use.
        self._chance = np.random.Generator(np.random.PCG64(0))
        self._strategy = CMAEvolutionStrategy(
            options.sigma, len(vector), options.batch_per_emitter, seed=self._chance
        )
        self._strategy.reset(vector)

    def ask(self, generation: int) -> np.ndarray:
        """Propose candidates: float64 [N, P]."""
        seed = derive_seed(self._seed, "ribs-ask", self.start.number, generation)
        self._chance.bit_generator.state = np.random.PCG64(seed).state
        proposed = np.asarray(self._strategy.ask())
        self._astray = not (np.abs(proposed) < FARTHEST_NUMBER).all()
        clipped: np.ndarray = np.clip(np.nan_to_num(proposed), -FARTHEST_NUMBER, FARTHEST_NUMBER)
        return clipped

    def tell(self, generation: int, feedback: np.ndarray) -> None:
        """Learn what became of the candidates of the last :meth:`ask`, as :func:`judge` tells."""
        status, gain = feedback.T
        added = np.count_nonzero(status)
        self.idle = 0 if added else self.idle + 1
        if self._astray:
            self.converged = True
            return
        order = np.flip(np.lexsort((gain, status)))
        self._strategy.tell(order, feedback, added)
        self.converged = bool(self._strategy.check_stop(feedback[order]))
        self._journal.append(np.array([generation, added, *order], np.int32))

    def state(self) -> dict[str, Any]:
        """Give what a resumed run needs, as JSON: the start, and all orders since then."""
        return {
            "number": self.start.number,
            "born": self.start.generation,
            "origins": [each.id for each in self.start.origins],
            "home": self.start.home,
            "idle": self.idle,
            "converged": self.converged,
            "tells": len(self._journal),
            "journal": write_array(np.array(self._journal, np.int32)),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go through all that happened since the start, to the same bits."""
        if state["tells"]:
            self._journal = [*read_array(state["journal"], np.int32).reshape(state["tells"], -1)]
        for generation, added, *order in [] if state["converged"] else self._journal:
            self.ask(int(generation))
            self._strategy.tell(np.array(order), None, added)
        self.idle, self.converged = state["idle"], state["converged"]


def write_array(array: np.ndarray) -> str:
    """Write an array's numbers, without its shape, as text for a state in JSON."""
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    return base64.b64encode(zlib.compress(little.tobytes())).decode()


def read_array(text: str, dtype: Any) -> np.ndarray:
    """Read what :func:`write_array` wrote of that type: an array of one dimension."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, np.dtype(dtype).newbyteorder("<")).astype(dtype)


class Ribs(Scheme):
    """The scheme ``ribs``. It has no bar: emitters learn from exact scores only."""

    def __init__(
        self, options: Options, *, encoding: Encoding[Any], spec: ImageSpec, seed: int
    ) -> None:
        """Start a search, if the encoding has parameters to vary."""
        if not isinstance(encoding, Parametric):
            raise ExperimentError(
                "its emitters vary numbers, but the encoding has no parameters; use [encoding] "
                "plugin = cppn"
            )
        self.batch = options.batch
        self.archive = Archive.of(spec, options.classes)
        self._options, self._seed = options, seed
        self._encoding: Any = encoding
        self._generation = self._candidate_count = self._started = 0
        self._emitters: list[Emitter] = []
        self._asked: list[Emitter] = []

    def ask(self) -> Iterator[Candidate]:
        """Make random candidates at first; then let each emitter propose some."""
        held = self.archive.candidate_ids[self.archive.classes]
        filled = self.archive.classes[held >= 0]
        self._asked = []
        if not len(filled):
            return self._make_random(self._new_ids(self._options.initial or self.batch))
        self._start_emitters(filled)
        self._asked = self._emitters
        return chain.from_iterable([self._propose(emitter) for emitter in self._emitters])

    def tell(self, candidates: Sequence[Candidate], scores: Scores) -> list[Replacement]:
        """Let each emitter learn what became of its candidates, and offer all to every niche."""
        feedback, size = judge(self.archive, scores), self._options.batch_per_emitter
        # The last generation of a run may be cut short.
        for place, emitter in enumerate(self._asked[: len(candidates) // size]):
            emitter.tell(self._generation, feedback[size * place : size * (place + 1)])
        self._generation += 1
        return self.archive.offer(candidates, scores)

    def members(self) -> Sequence[Candidate]:
        """List what the emitters started from."""
        origins = chain.from_iterable(each.start.origins for each in self._emitters)
        return list({origin.id: origin for origin in origins}.values())

    def state(self) -> dict[str, Any]:
        """Give the counters, and what emitters need to go on."""
        return {
            "generation": self._generation,
            "asked": self._candidate_count,
            "started": self._started,
            "known": len(self.archive.ranks),
            "emitters": [each.state() for each in self._emitters]
            or [None] * self._options.emitter_count,
            "memories": {},  # those of emitters by novelty, which earlier versions had
        }

    def restore(self, state: dict[str, Any], candidates: Mapping[int, Candidate]) -> None:
        """Restore what :meth:`state` gave; strategies go again through what they learnt."""
        self._generation, self._candidate_count = state["generation"], state["asked"]
        self._started = state["started"]
        self._emitters = []
        for saved in filter(None, state["emitters"]):
            origins = tuple(candidates[id_] for id_ in saved["origins"])
            start = Start(saved["number"], saved["born"], saved["home"], origins)
            self._emitters.append(self._begin(start))
            self._emitters[-1].restore(saved)

    def _make_random(self, ids: range) -> Iterator[Candidate]:
        for start in range(0, len(ids), CREATED_AT_ONCE):
            piece = ids[start : start + CREATED_AT_ONCE]
            genomes = self._encoding.create(derive_seeds(self._seed, "create", ids=piece))
            for id_, genome in zip(piece, genomes, strict=True):
                yield Candidate(id_, genome, generation=self._generation)

    def _propose(self, emitter: Emitter) -> Iterator[Candidate]:
        """Let an emitter propose vectors; they are written as they are taken."""
        vectors = emitter.ask(self._generation)
        parents = tuple(each.id for each in emitter.start.origins)
        ids = self._new_ids(len(vectors))

        def write() -> Iterator[Candidate]:
            genomes = self._encoding.with_parameters([emitter.base] * len(vectors), [*vectors])
            for id_, genome in zip(ids, genomes, strict=True):
                yield Candidate(id_, genome, parents, self._generation)

        return write()

    def _start_emitters(self, filled: np.ndarray) -> None:
        """Start the emitters that have not started, have converged, or find nothing any more."""
        patience = self._options.restart_after
        at_work: list[Emitter | None] = [
            None if each.converged or 0 < patience <= each.idle else each for each in self._emitters
        ]
        self._emitters = [
            each or self._start(filled) for each in at_work or [None] * self._options.emitter_count
        ]

    def _start(self, filled: np.ndarray) -> Emitter:
        """Start an emitter at a child of elites that are drawn from the filled niches."""
        number, self._started = self._started, self._started + 1
        draw = np.random.default_rng(derive_seed(self._seed, "ribs-origins", number))
        niches = filled[draw.integers(len(filled), size=self._encoding.parents)]
        encoding = self._encoding.in_generation(self._generation)
        (count,) = encoding.parent_counts([derive_seed(self._seed, "ribs-base", number)])
        parent_group = niches[:count]
        parent_group = parent_group[np.argsort(-self.archive.ranks[parent_group], kind="stable")]
        ids = dict.fromkeys(self.archive.candidate_ids[parent_group].tolist())
        origins = tuple(self.archive.candidates[id_] for id_ in ids)
        return self._begin(Start(number, self._generation, int(niches[0]), origins))

    def _begin(self, start: Start) -> Emitter:
        """Start an emitter, or start one again as it did in an earlier generation."""
        encoding = self._encoding.in_generation(start.generation)
        seed = derive_seed(self._seed, "ribs-base", start.number)
        (base,) = encoding.breed([[each.genome for each in start.origins]], [seed])
        (vector,) = self._encoding.parameters([base])
        if not len(vector):
            raise ExperimentError(
                "a genome has no numbers that emitters could vary; use [encoding] plugin = cppn"
            )
        return Emitter(start, base, vector, options=self._options, seed=self._seed)

    def _new_ids(self, count: int) -> range:
        self._candidate_count += count
        return range(self._candidate_count - count, self._candidate_count)


def judge(archive: Archive, scores: Scores) -> np.ndarray:
    """Compare exact scores of N candidates with the archive before they enter it.

    Returns:
        float64 [N, 2]: 0 for no improvement, 1 for a better image of some class, 2 for the first of
        one; and the largest gain in log-odds in any niche, negative if none is won.
    """
    ranks = np.clip(rank(scores), -FARTHEST, FARTHEST)
    bar = np.minimum(archive.ranks[archive.classes], FARTHEST)
    empty = np.isneginf(bar)
    ours = ranks[:, archive.classes]
    gains = np.where(empty, ours, ours - np.where(empty, 0, bar))
    wins = np.where(empty, ours > -FARTHEST, gains > 0)
    status = np.where((wins & empty).any(1), NEW, np.where(wins.any(1), IMPROVED, NOT_ADDED))
    # No class may have turned up yet.
    return np.stack([status, gains.max(1, initial=-np.inf)], axis=1)
