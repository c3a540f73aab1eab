"""The scheme: emitters take turns, the classes are the niches, and genomes are vectors."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import torch

from neatfool import (
    Archive,
    Candidate,
    Elite,
    Encoding,
    ExperimentError,
    ImageSpec,
    Parametric,
    Pictorial,
    Replacement,
    Scheme,
    Scores,
    derive_seed,
    derive_seeds,
)

from . import OF_THE_MEMORY, Options
from .emitter import Emitter
from .feedback import FARTHEST, Judge, Memory, read_array, write_array

LARGEST_BYTE: Final = 255
MOST_NUMBERS: Final = 1500
"""More numbers than this are too many for ``cma_es``: it works on their square, in each emitter."""
CREATED_AT_ONCE: Final = 64
"""Random candidates are made in pieces of this size; some are scored while others are made."""


class Weights:
    """The parameters of genomes, the weights and biases of a CPPN, as vectors, float64 [P].

    The vectors of two genomes mix if these have one ``structure``: what a vector leaves out.
    """

    usual_sigma = 1.0

    def __init__(self, encoding: Any) -> None:
        self._encoding = encoding

    def read(self, genome: Any) -> np.ndarray:
        """Give a genome's parameters, float64 [P]."""
        vector: np.ndarray = self._encoding.parameters([genome])[0]
        if not len(vector):
            raise ExperimentError(
                "a genome has no numbers that emitters could vary; use [encoding] plugin = cppn"
            )
        return vector

    def write(self, base: Any, vectors: np.ndarray) -> list[Any]:
        """Give the base other parameters, each clipped to its range."""
        return list(self._encoding.with_parameters([base] * len(vectors), [*vectors]))

    def structure(self, genome: Any) -> str:
        """Write the genome with all its parameters at zero."""
        (bare,) = self.write(genome, np.zeros((1, len(self.read(genome)))))
        return str(self._encoding.dumps(bare))


class Pixels:
    """Likewise the pixels of images: 0 is black, 1 is white, and all that is beyond is clipped."""

    usual_sigma = 0.1

    def __init__(self, encoding: Any, shape: tuple[int, int, int]) -> None:
        self._encoding = encoding
        self._shape = shape

    def read(self, genome: Any) -> np.ndarray:
        """Give the pixels of a genome's image, float64 [C * H * W]."""
        pixels: np.ndarray = self._encoding.render([genome]).cpu().numpy().reshape(-1)
        return pixels / LARGEST_BYTE

    def write(self, base: Any, vectors: np.ndarray) -> list[Any]:
        """Write images, rounded to bytes, as genomes."""
        levels = np.rint(np.clip(vectors, 0, 1) * LARGEST_BYTE).astype(np.uint8)
        return list(self._encoding.from_images(torch.from_numpy(levels.reshape(-1, *self._shape))))

    def structure(self, genome: Any) -> str:
        """Give the same for all: any two images mix."""
        return ""


class Ribs(Scheme):
    """The scheme ``ribs``. It has no bar: emitters learn from exact scores only."""

    def __init__(
        self, options: Options, *, encoding: Encoding[Any], spec: ImageSpec, seed: int
    ) -> None:
        """Start a search, if the encoding has numbers to vary, not too many for the strategy."""
        self.batch = options.batch
        self.archive = Archive.of(spec, options.classes)
        self._options, self._encoding = options, encoding
        if not isinstance(encoding, Parametric | Pictorial):
            raise ExperimentError(
                "its emitters vary numbers, but the encoding has neither parameters nor pixels; "
                "use [encoding] plugin = cppn or direct"
            )
        has_weights = isinstance(encoding, Parametric)
        self._space = Weights(encoding) if has_weights else Pixels(encoding, spec.shape)
        self._seed = seed
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
        """Make random candidates at first; then let each emitter propose some."""
        held = self.archive.candidate_ids[self.archive.classes]
        filled = self.archive.classes[held >= 0]
        self._turns, proposed = [], []
        if not len(filled):
            return self._make_random(self._new_ids(self._options.initial or self.batch))
        self._start_emitters(filled)
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
        fitness = feedback["ranks"][:, self.archive.classes].max(1, initial=-FARTHEST)
        compared = {
            name: memory.add(fitness, feedback["measures"])
            for name, memory in self._memories.items()
        }
        place = 0
        for emitter, count in zip(self._at_work(), self._turns, strict=False):
            rows = slice(place, place + count)
            place += count
            # The last generation of a run may be cut short.
            if place <= len(candidates):
                given = feedback, compared.get(emitter.ranker, {})
                parts = [{name: each[name][rows] for name in each} for each in given]
                emitter.tell(self._generation, *parts)
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
            if saved is not None:
                origins = tuple(candidates[id_] for id_ in saved["origins"])
                start = saved["number"], saved["born"], saved["home"]
                self._emitters[place] = emitter = self._begin(place, start, origins)
                emitter.restore(saved)

    def _make_memories(self) -> dict[str, Memory]:
        """Make a memory for each ranker of novelty; those that rank alike share one."""
        wanted = [name for name in OF_THE_MEMORY if name in self._options.ranker]
        if wanted and not self._judge.known:
            raise ExperimentError(
                f"ranker = {wanted[0]}: the target does not list its classes, which novelty is "
                "measured by; use ranker = improvement"
            )
        options, measures = self._options, self._judge.measures
        return {
            name: Memory(options, measures, dominated=name == "dominated_novelty")
            for name in wanted
        }

    def _make_random(self, ids: range) -> Iterator[Candidate]:
        for start in range(0, len(ids), CREATED_AT_ONCE):
            piece = ids[start : start + CREATED_AT_ONCE]
            genomes = self._encoding.create(derive_seeds(self._seed, "create", ids=piece))
            for id_, genome in zip(piece, genomes, strict=True):
                yield Candidate(id_, genome, generation=self._generation)

    def _start_emitters(self, filled: np.ndarray) -> None:
        """Start the emitters that have not started, have converged, or find nothing any more."""
        patience, held = self._options.restart_after, self.archive.candidates
        for place, emitter in enumerate(self._emitters):
            tired = emitter is not None and 0 < patience <= emitter.idle
            if emitter is not None and not emitter.converged and not tired:
                continue
            number, self._started = self._started, self._started + 1
            draw = np.random.default_rng(derive_seed(self._seed, "ribs-origins", number))
            niches = filled[draw.integers(len(filled), size=self._encoding.parents)]
            count = 1
            if self._options.restart_at == "child":
                encoding = self._encoding.in_generation(self._generation)
                seed = derive_seed(self._seed, "ribs-base", number)
                (count,) = encoding.litter_sizes([seed])
            litter = niches[:count]
            litter = litter[np.argsort(-self.archive.ranks[litter], kind="stable")]
            ids = dict.fromkeys(self.archive.candidate_ids[litter].tolist())
            start = number, self._generation, int(niches[0])
            self._emitters[place] = self._begin(place, start, tuple(held[id_] for id_ in ids))

    def _begin(
        self, place: int, start: tuple[int, int, int], origins: tuple[Candidate, ...]
    ) -> Emitter:
        """Start an emitter, or start one again as it did in an earlier generation."""
        base = origins[0].genome
        if self._options.restart_at == "child":
            encoding = self._encoding.in_generation(start[1])
            seed = derive_seed(self._seed, "ribs-base", start[0])
            (base,) = encoding.breed([[each.genome for each in origins]], [seed])
        return Emitter(
            self._options,
            place=place,
            start=start,
            origins=origins,
            base=base,
            vector=self._space.read(base),
            sigma=self._options.sigma or self._space.usual_sigma,
            measures=self._judge.measures,
            seed=self._seed,
        )

    def _write(
        self, base: Any, vectors: np.ndarray, litters: list[tuple[int, ...]], ids: range
    ) -> Iterator[Candidate]:
        for each in zip(ids, self._space.write(base, vectors), litters, strict=True):
            yield Candidate(*each, self._generation)

    def _neighbours(self, emitter: Emitter, filled: np.ndarray) -> list[tuple[Elite, np.ndarray]]:
        """List the elites whose vectors mix with an emitter's, one for each niche."""
        own = self._space.structure(emitter.base)
        neighbours = []
        for elite in filter(None, map(self.archive.elite, filled.tolist())):
            id_, genome = elite.candidate.id, elite.candidate.genome
            if id_ not in self._vectors:
                self._vectors[id_] = self._space.structure(genome), self._space.read(genome)
            structure, vector = self._vectors[id_]
            if structure == own:
                neighbours.append((elite, vector))
        return neighbours

    def _at_work(self) -> list[Emitter]:
        return [each for each in self._emitters if each is not None]

    def _new_ids(self, count: int) -> range:
        self._candidate_count += count
        return range(self._candidate_count - count, self._candidate_count)
