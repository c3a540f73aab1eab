"""The loop: a run's generations, one after another.

ask -> render -> score -> tell -> commit -> observers. Nothing downstream calls back up.

The loop keeps a local target busy: after tell it breeds and renders the first parts of the next
generation, and commits the last generation while the target scores them. The run records the same
as if one step followed the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Final

from neatfool.errors import TargetError, blaming
from neatfool.evolution.clock import StageClock
from neatfool.evolution.recorder import Recorder
from neatfool.run.statistics import GenerationReport
from neatfool.scoring.answers import check_images
from neatfool.wording import counted, spending

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence
    from contextlib import AbstractContextManager

    import numpy as np

    from neatfool.evolution.recorder import Draft
    from neatfool.run.store import RunStore
    from neatfool.scoring.generation import Generation
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.candidate import Candidate, GenomeSize, Replacement
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.scheme import Scheme
    from neatfool.spec.scores import Scores

SECONDS_AHEAD: Final = 0.1
"""How long the loop makes parts of a generation before it commits the last one: long enough to
keep the target busy during a commit, short enough to lose little in a crash."""


@dataclass(frozen=True)
class Limits:
    """How many generations or images a run has in all, and how many generations a commit."""

    generations: int | None = None
    images: int | None = None
    checkpoint_every: int = 1

    def reached(self, generations: int, images: int) -> bool:
        """Say whether so many generations and images are the whole length, or more."""
        return (self.generations is not None and generations >= self.generations) or (
            self.images is not None and images >= self.images
        )

    def __str__(self) -> str:
        if self.images is not None:
            return counted(self.images, "image", "images")
        return counted(self.generations or 0, "generation", "generations")


class Evolution:
    """Runs generation after generation.

    Attributes:
        generation: The last generation done, -1 before the first.
        evaluations: Images shown to the target so far, those for gradients included.
        spent: Which budget is spent; empty if none is.
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
        self._scoring: Generation | None = None
        self._sizes: dict[int, GenomeSize] = {}
        self._no_room = False
        self._recorder = Recorder(
            scorer, encoding, scheme, store, checkpoint_every=limits.checkpoint_every
        )

    @property
    def done(self) -> bool:
        """Whether the run has reached its length."""
        # A candidate counts as all its views, so the last images may not suffice for one.
        images = self.evaluations + self._scorer.views - 1
        reached = self._limits.reached(self.generation + 1, images)
        return self._no_room or bool(self.spent) or reached

    @property
    def scored(self) -> int:
        """Images scored so far, those of the current generation included."""
        under_way = self._scoring
        return self.evaluations + (sum(under_way.answered) if under_way is not None else 0)

    def length(self) -> float:
        """Give the images of the whole run, estimated where its length is in generations."""
        limits = self._limits
        if limits.images is not None:
            return limits.images
        assert limits.generations is not None
        left = limits.generations - self.generation - 1
        return self.evaluations + left * self.scheme.batch * self._scorer.views

    def run(
        self, stop: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[GenerationReport, Sequence[Replacement]], None, None]:
        """Run until the run's length, the scheme's end, or ``stop`` returns True.

        Whatever ends the iteration, the finished generations are in the store.

        Yields:
            Each finished generation's report and replacements.

        Raises:
            TargetError: The target failed.
            StorageError: The disk is full or read-only.
        """
        clock = StageClock()
        current: _Generation | None = None
        try:
            current = self._start(clock)
            while current is not None and (draft := self._finish(current)) is not None:
                ahead = current.scoring.batches.in_threads and current.quickly
                clock, current = current.clock.next(), None
                clock.lap("recording")
                current, failure = self._start_ahead(clock) if ahead else (None, None)
                clock.skip()
                with self._blaming_recording():
                    self._recorder.keep(draft)
                clock.lap("recording")
                report, replacements = draft.report, draft.replacements
                del draft  # Its images may be many.
                yield report, replacements
                clock.skip()
                if stop():
                    return
                if failure is not None:
                    raise failure
                if not ahead:
                    current = self._start(clock)
            if not self.done:
                self._recorder.flush()
                self._store.end()
        finally:
            if current is not None:
                current.scoring.cancel()
            self._recorder.flush()

    def _start_ahead(self, clock: StageClock) -> tuple[_Generation | None, BaseException | None]:
        """Start the next generation before the last is committed.

        An error is given back, not raised: the last generation must be committed first.
        """
        try:
            return self._start(clock), None
        except BaseException as error:  # Ctrl-C, too
            return None, error

    def _start(self, clock: StageClock) -> _Generation | None:
        """Start a generation and give its first parts to the target; None at the run's end."""
        if self.done:
            return None
        if (metered := self._scorer.metered) is not None and (spent := metered.exhausted()):
            self.spent = spent
            return None
        self._scoring = self._scorer.generation(self._bar())
        current = _Generation(clock, self._scoring)
        current.parts = self._make_parts(current)
        first: list[Sequence[Candidate]] = []
        limit = clock.elapsed + SECONDS_AHEAD
        try:
            for part in current.parts:
                first.append(part)
                if clock.elapsed > limit:
                    current.quickly = len(first) > 1
                    break
        except BaseException:
            current.scoring.cancel()
            raise
        if not first:
            self._no_room = current.no_room
            return None
        current.parts = chain(first, current.parts)
        return current

    def _finish(self, current: _Generation) -> Draft | None:
        """Make the rest of a generation, wait for its scores, and let the scheme select."""
        clock, scoring = current.clock, current.scoring
        candidates = [*chain.from_iterable(current.parts)]
        scores = scoring.result()
        self._no_room = current.no_room
        self.spent = scoring.batches.spent
        if not (candidates := candidates[: len(scores.probs)]):
            return None
        scoring.batches.sizes.record(self.generation + 1)
        clock.lap("scoring")
        self._check_any_score(scores)
        self.scheme.archive.grow(len(self._scorer.spec.classes))
        with blaming(f"{self._scheme_name}: tell() failed"):
            replacements = self.scheme.tell(candidates, scores)
        self.generation += 1
        self._scoring = None
        self.evaluations += sum(map(self._images_of, candidates))
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
            return self._recorder.take(report, replacements, candidates, scores, scoring.images)

    def _blaming_recording(self) -> AbstractContextManager[None]:
        return blaming(f"{self._scheme_name} with {self._encoding_name}: cannot be recorded")

    def _bar(self) -> np.ndarray | None:
        if self._scorer.screening is None:
            return None
        with blaming(f"{self._scheme_name}: bar() failed"):
            return self.scheme.bar()

    def _make_parts(self, current: _Generation) -> Iterator[Sequence[Candidate]]:
        """Breed, render and submit a generation, part by part."""
        clock, scoring = current.clock, current.scoring
        whose = f"{self._scheme_name} with {self._encoding_name}: ask() failed"
        with blaming(whose):
            asked = self._take_candidates(current)
        for size in scoring.batches.part_sizes(self.scheme.batch):
            with blaming(whose):
                part = list(islice(asked, size))
            clock.lap("breeding")
            if not part:
                return
            images = self._render(part)
            clock.lap("rendering")
            scoring.add(images)
            clock.lap("scoring")
            yield part
            if scoring.batches.full:
                return

    def _take_candidates(self, current: _Generation) -> Iterator[Candidate]:
        """Take candidates until the run's length has no room for the next one."""
        left = math.inf if self._limits.images is None else self._limits.images - self.evaluations
        for candidate in self.scheme.ask():
            left -= self._images_of(candidate)
            if left < 0:
                current.no_room = True
                return
            yield candidate
            if not left:
                return

    def _images_of(self, candidate: Candidate) -> int:
        """Count the images that the target is shown for a candidate."""
        return candidate.evaluations - 1 + self._scorer.views

    def _render(self, candidates: Sequence[Candidate]) -> Any:
        genomes = [candidate.genome for candidate in candidates]
        if self._scorer.remote is not None:
            return self._scorer.remote.write(genomes)
        with blaming(f"{self._encoding_name}: render() failed"):
            images = self._encoding.render(genomes)
        check_images(images, len(candidates), self._scorer.spec, self._encoding_name)
        return images

    def _check_any_score(self, scores: Scores) -> None:
        assert scores.ok is not None
        if not scores.ok.any():
            raise TargetError(
                f"{self._scorer.name}: not one of {len(scores.ok)} images got a usable score "
                f"(NaN, infinite or refused{self._describe_requests()}); the generations before "
                "are kept"
            )

    def _describe_requests(self) -> str:
        """Count the requests by outcome, if asking the target costs something."""
        if not (requests := self._store.requests()):
            return ""
        return f": {spending(requests)}; a resumed run asks again"

    def _elite_sizes(self) -> list[GenomeSize]:
        """Measure the distinct elites, each once."""
        held = self.scheme.archive.candidates
        self._sizes = {
            id_: self._sizes.get(id_) or self._encoding.size(candidate.genome)
            for id_, candidate in held.items()
        }
        return list(self._sizes.values())


@dataclass
class _Generation:
    """A generation whose first parts are with the target; iterating ``parts`` makes the others.

    Attributes:
        quickly: Whether a part takes so little time that the next one may be made before a commit.
        no_room: Whether a candidate exceeded the run's length.
    """

    clock: StageClock
    scoring: Generation
    parts: Iterator[Sequence[Candidate]] = field(default_factory=lambda: iter(()))
    quickly: bool = True
    no_room: bool = False
