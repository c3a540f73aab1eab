"""The loop: a run's generations, one after another.

ask -> render -> score -> tell -> commit -> observers. Nothing downstream calls back up.

A target that computes here is kept busy: after tell, first parts of the next generation are bred,
drawn and given to it, and only while these are being scored is the last one committed. What is
recorded is the same as if one came after the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from neatfool.errors import TargetError, blaming
from neatfool.evolution.clock import StageClock
from neatfool.evolution.recorder import Recorder
from neatfool.run.statistics import GenerationReport
from neatfool.scoring.answers import check_images
from neatfool.wording import spending

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    import torch

    from neatfool.evolution.recorder import Told
    from neatfool.run.store import RunStore
    from neatfool.scoring.generation import GenerationScoring
    from neatfool.scoring.metering import MeteredScoring
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.candidate import Candidate, GenomeSize, Replacement
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.scheme import Scheme
    from neatfool.spec.scores import Scores

    Scoring: TypeAlias = GenerationScoring | MeteredScoring


SECONDS_AHEAD: Final = 0.1
"""How long parts of a generation are made before the last one is committed."""


@dataclass(frozen=True)
class Limits:
    """When a run ends, and how often it is written.

    Attributes:
        generations: How many generations it has in all, or None.
        images: How many images it scores in all, or None.
        checkpoint_every: Generations a transaction.
    """

    generations: int | None = None
    images: int | None = None
    checkpoint_every: int = 1


class Evolution:
    """A run under way.

    Attributes:
        scheme: The search.
        generation: The last generation done, -1 before the first.
        evaluations: Images scored so far, with those that gradients took.
        spent: Why there is no budget to go on, if that is so; else empty.
    """

    def __init__(
        self,
        *,
        scorer: Scorer,
        encoding: Encoding[Any],
        encoding_name: str,
        scheme: Scheme,
        scheme_name: str,
        store: RunStore,
        limits: Limits,
    ) -> None:
        self.scheme = scheme
        self.spent = ""
        self.generation = store.last_generation()
        self.evaluations = (
            store.reports(self.generation)[0].evaluations if self.generation >= 0 else 0
        )
        self._scorer = scorer
        self._encoding = encoding
        self._encoding_name = encoding_name
        self._scheme_name = scheme_name
        self._store = store
        self._limits = limits
        self._scoring: Scoring | None = None
        self._sizes: dict[int, GenomeSize] = {}
        self._no_room = False
        self._recorder = Recorder(
            scorer, encoding, scheme, store, checkpoint_every=limits.checkpoint_every
        )

    @property
    def done(self) -> bool:
        """Whether the run has reached its length."""
        limits = self._limits
        if self._no_room or self.spent:
            return True
        return (limits.generations is not None and self.generation + 1 >= limits.generations) or (
            limits.images is not None and self.evaluations >= limits.images
        )

    @property
    def scored(self) -> int:
        """Images scored so far, with those of the generation under way."""
        under_way = self._scoring
        return self.evaluations + (sum(under_way.answered) if under_way is not None else 0)

    def length(self) -> float:
        """Give the images of the whole run; an estimate, where its length is in generations."""
        limits = self._limits
        if limits.images is not None:
            return limits.images
        assert limits.generations is not None
        left = limits.generations - self.generation - 1
        return self.evaluations + left * self.scheme.batch

    def run(
        self, stop: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[GenerationReport, Sequence[Replacement]], None, None]:
        """Do generation after generation, until the run's length, the scheme's end, or a stop.

        Whatever ends the iteration, the generations done are in the store then.

        Args:
            stop: Asked after each generation.

        Yields:
            Each generation's report and replacements, once it is done.

        Raises:
            TargetError: The target failed.
            StorageError: The disk is full or read-only.
        """
        clock = StageClock()
        begun: _Begun | None = None
        try:
            begun = self._begin(clock)
            while begun is not None and (told := self._finish(begun)) is not None:
                ahead = self._scorer.batches.in_threads and begun.quickly
                clock, begun = begun.clock.next(), None
                clock.lap("recording")
                begun, failure = self._begin_ahead(clock) if ahead else (None, None)
                clock.skip()
                with self._blaming_recording():
                    self._recorder.keep(told)
                clock.lap("recording")
                yield told.report, told.replacements
                clock.skip()
                if stop():
                    return
                if failure is not None:
                    raise failure
                if not ahead:
                    begun = self._begin(clock)
            if not self.done:
                self._recorder.flush()
                self._store.end()
        finally:
            if begun is not None:
                begun.scoring.cancel()
            self._recorder.flush()

    def _begin_ahead(self, clock: StageClock) -> tuple[_Begun | None, BaseException | None]:
        """Begin the next generation before the last is committed.

        Returns:
            It, if there is one, and what went wrong, which is for later: the last one is whole.
        """
        try:
            return self._begin(clock), None
        except BaseException as error:  # Ctrl-C, too
            return None, error

    def _begin(self, clock: StageClock) -> _Begun | None:
        """Begin a generation, if there is to be one: its first parts are with the target then."""
        if self.done:
            return None
        if (metered := self._scorer.metered) is not None and (spent := metered.exhausted()):
            self.spent = spent
            return None
        self._scoring = self._scorer.generation(self._bar())
        begun = _Begun(clock, self._scoring)
        begun.parts = self._parts(begun)
        first: list[Sequence[Candidate]] = []
        limit = clock.elapsed + SECONDS_AHEAD
        try:
            for part in begun.parts:
                first.append(part)
                if clock.elapsed > limit:
                    begun.quickly = len(first) > 1
                    break
        except BaseException:
            begun.scoring.cancel()
            raise
        if not first:
            self._no_room = begun.no_room
            return None
        begun.parts = chain(first, begun.parts)
        return begun

    def _finish(self, begun: _Begun) -> Told | None:
        """Make the rest of a generation, wait for its scores, and let the scheme select by them."""
        clock, scoring = begun.clock, begun.scoring
        candidates = [*chain.from_iterable(begun.parts)]
        scores = scoring.result()
        self._no_room = begun.no_room
        self.spent = scoring.spent
        if not (candidates := candidates[: len(scores.probs)]):
            return None
        self._scorer.batches.sizes.record(self.generation + 1)
        clock.lap("scoring")
        self._refuse_a_blind_target(scores)
        self.scheme.archive.grow(len(self._scorer.spec.classes))
        with blaming(f"{self._scheme_name}: tell() failed"):
            replacements = self.scheme.tell(candidates, scores)
        self.generation += 1
        self._scoring = None
        self.evaluations += sum(candidate.evaluations for candidate in candidates)
        clock.lap("selection")
        report = GenerationReport.measure(
            self.scheme.archive,
            replacements,
            scores,
            self._elite_sizes(),
            generation=self.generation,
            evaluations=self.evaluations,
            confirmed=scoring.confirmed,
            stages=clock.stages(scoring=scoring.seconds),
        )
        with self._blaming_recording():
            return self._recorder.take(report, replacements, candidates, scoring.images)

    def _blaming_recording(self) -> AbstractContextManager[None]:
        return blaming(f"{self._scheme_name} with {self._encoding_name}: cannot be recorded")

    def _bar(self) -> np.ndarray | None:
        bar: Callable[[], np.ndarray] | None = getattr(self.scheme, "bar", None)
        if bar is None or self._scorer.screening is None:
            return None
        with blaming(f"{self._scheme_name}: bar() failed"):
            return bar()

    def _parts(self, begun: _Begun) -> Iterator[Sequence[Candidate]]:
        """Breed and draw a generation, a part at a time, each of which is then being scored."""
        clock, scoring = begun.clock, begun.scoring
        whose = f"{self._scheme_name} with {self._encoding_name}: ask() failed"
        size = self._scorer.part_size(self.scheme.batch)
        with blaming(whose):
            asked = self._asked(begun)
        while True:
            with blaming(whose):
                part = list(islice(asked, size))
            clock.lap("breeding")
            if not part:
                return
            images = self._rendered(part)
            clock.lap("rendering")
            scoring.add(images)
            clock.lap("scoring")
            yield part
            if scoring.full:
                return

    def _asked(self, begun: _Begun) -> Iterator[Candidate]:
        """Take a generation's candidates, up to the first that the run's length has no room for."""
        left = math.inf if self._limits.images is None else self._limits.images - self.evaluations
        for candidate in self.scheme.ask():
            left -= candidate.evaluations
            if left < 0:
                begun.no_room = True
                return
            yield candidate
            if not left:
                return

    def _rendered(self, candidates: Sequence[Candidate]) -> torch.Tensor:
        with blaming(f"{self._encoding_name}: render() failed"):
            images = self._encoding.render([candidate.genome for candidate in candidates])
        check_images(images, len(candidates), self._scorer.spec, self._encoding_name)
        return images

    def _refuse_a_blind_target(self, scores: Scores) -> None:
        assert scores.ok is not None
        if not scores.ok.any():
            raise TargetError(
                f"{self._scorer.name}: not one of {len(scores.ok)} images got a usable score "
                f"(NaN, infinite or refused{self._what_was_said()}); what is recorded so far is "
                "kept"
            )

    def _what_was_said(self) -> str:
        """Say what became of the requests, if asking the target costs something."""
        if not (requests := self._store.requests()):
            return ""
        return f": {spending(requests)}; a resumed run asks again"

    def _elite_sizes(self) -> list[GenomeSize]:
        """Give the sizes of the distinct elites, each measured once."""
        held = self.scheme.archive.candidates
        self._sizes = {
            id_: self._sizes.get(id_) or self._encoding.size(candidate.genome)
            for id_, candidate in held.items()
        }
        return list(self._sizes.values())


@dataclass
class _Begun:
    """A generation whose first parts are being scored; the others are made as they are taken.

    Attributes:
        quickly: Whether a part is made so quickly that recording may wait for the next one.
        no_room: Whether the run's length has no room for a candidate that it would have.
    """

    clock: StageClock
    scoring: Scoring
    parts: Iterator[Sequence[Candidate]] = field(default_factory=lambda: iter(()))
    quickly: bool = True
    no_room: bool = False
