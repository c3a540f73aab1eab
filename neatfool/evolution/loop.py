"""The loop: a run's generations, one after another.

After ``tell`` it breeds and renders the first parts of the next generation, and commits the last
one while the target scores them. The run records the same as if one step followed the other.
"""

import json
import math
import time
from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Final

import numpy as np

from neatfool.errors import TargetError, blaming
from neatfool.evolution.assembly import Assembly
from neatfool.run.images import encode_png
from neatfool.run.schema import GenerationRecord, StoredCandidate
from neatfool.run.statistics import GenerationReport, Stages
from neatfool.run.store import RunStore
from neatfool.scoring.checks import draw
from neatfool.scoring.scorer import Generation
from neatfool.spec.archive import Candidate, GenomeSize, Replacement
from neatfool.spec.scores import Scores
from neatfool.wording import spending

SECONDS_AHEAD: Final = 0.1
"""How long the loop makes parts of a generation before it commits the last one: long enough to
keep the target busy during a commit, short enough to lose little in a crash."""
MOST_TOP: Final = 6
"""The best classes of an elite's image are recorded, up to this many: its own and runners-up."""


class StageClock:
    """Adds up the seconds of a generation's stages since ``last``."""

    def __init__(self, last: float) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.last = last

    @property
    def elapsed(self) -> float:
        """The seconds of all stages."""
        return sum(self.seconds.values())

    def count(self, stage: str = "") -> None:
        """Count the time since the last call towards a stage, or towards none."""
        now = time.perf_counter()
        if stage:
            self.seconds[stage] += now - self.last
        self.last = now


@dataclass
class _PendingGeneration:
    """A generation whose first parts are with the target; iterating ``parts`` makes the others."""

    clock: StageClock
    scoring: Generation
    parts: Iterator[Sequence[Candidate]]
    quickly: bool = True
    """Whether a part takes so little time that the next one may be made before a commit."""
    no_room: bool = False
    """Whether a candidate exceeded the run's length."""


class Evolution:
    """Runs generation after generation; ``spent`` says which budget is spent, if one is."""

    def __init__(self, assembly: Assembly, store: RunStore) -> None:
        """Go on with the run in a database, which the assembly's scheme has taken up."""
        choices = assembly.experiment
        self.scheme = assembly.scheme
        self.spent = ""
        self.generation = store.last_generation()
        self.evaluations = store.evaluations(self.generation)
        self._scorer = assembly.scorer
        self._encoding = assembly.encoding
        self._encodings = assembly.encodings
        self._encoding_name = choices.encoding.label
        self._scheme_name = choices.scheme.label
        self._both = f"{self._scheme_name} with {self._encoding_name}"
        self._store = store
        self._limits = choices.general
        self._scoring: Generation | None = None
        self._sizes: dict[int, GenomeSize] = {}
        images = self._limits.images
        self._no_room = images is not None and store.info().get("full_of") == images
        self._known = len(self._scorer.spec.classes)

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
        return self.evaluations + (sum(self._scoring.answered) if self._scoring else 0)

    def run(
        self, stop: Callable[[], bool] = lambda: False
    ) -> Generator[tuple[GenerationReport, Sequence[Replacement]], None, None]:
        """Run until the length, the scheme's end, or ``stop``; finished generations are kept."""
        clock = StageClock(time.perf_counter())
        current: _PendingGeneration | None = None
        failure: BaseException | None
        try:
            current = self._start(clock)
            while current is not None and (finished := self._finish(current)) is not None:
                report, replacements, commit = finished
                ahead = current.scoring.batches.in_threads and current.quickly
                clock, current, failure = StageClock(current.clock.last), None, None
                clock.count("recording")
                try:
                    current = self._start(clock) if ahead else None
                except BaseException as error:  # Ctrl-C, too: the last one is committed first
                    failure = error
                clock.count()
                commit()
                clock.count("recording")
                del finished, commit  # Its images may be many.
                yield report, replacements
                clock.count()
                if stop():
                    return
                if failure is not None:
                    raise failure
                if not ahead:
                    current = self._start(clock)
            if not self.done:
                self._store.keep("ended_after", self.generation)
            elif self._no_room and not self.spent:
                self._store.keep("full_of", self._limits.images)
        finally:
            if current is not None:
                current.scoring.cancel()

    def _start(self, clock: StageClock) -> _PendingGeneration | None:
        """Start a generation and give its first parts to the target; None at the run's end."""
        if self.done:
            return None
        if (metered := self._scorer.metered) and (spent := metered.exhausted()):
            self.spent = spent
            return None
        bar = None
        if self._scorer.screening is not None:
            with blaming(f"{self._scheme_name}: bar() failed"):
                bar = self.scheme.bar()
        self._scoring = self._scorer.generation(bar)
        current = _PendingGeneration(clock, self._scoring, iter(()))
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

    def _finish(
        self, current: _PendingGeneration
    ) -> tuple[GenerationReport, Sequence[Replacement], Callable[[], None]] | None:
        """Make the rest, wait for scores, let the scheme select; give also what commits it all."""
        clock, scoring = current.clock, current.scoring
        candidates = [*chain.from_iterable(current.parts)]
        scores = scoring.result()
        self._no_room = current.no_room
        self.spent = scoring.batches.spent
        if not (candidates := candidates[: len(scores.probs)]):
            return None
        scoring.batches.record(self.generation + 1)
        clock.count("scoring")
        self._require_a_score(scores)
        self.scheme.archive.grow(len(self._scorer.spec.classes))
        with blaming(f"{self._scheme_name}: tell() failed"):
            replacements = self.scheme.tell(candidates, scores)
        self.generation += 1
        self._scoring = None
        more = self._scorer.views - 1
        self.evaluations += sum(candidate.evaluations + more for candidate in candidates)
        clock.count("selection")
        # Each of the distinct elites is measured once.
        self._sizes = {
            id_: self._sizes.get(id_) or self._encoding.size(candidate.genome)
            for id_, candidate in self.scheme.archive.candidates.items()
        }
        report = GenerationReport.measure(
            self.scheme.archive,
            replacements,
            scores,
            [*self._sizes.values()],
            generation=self.generation,
            evaluations=self.evaluations,
            confirmed=scoring.confirmed,
            # The target's own seconds may overlap with other stages.
            stages=Stages(**clock.seconds | {"scoring": scoring.seconds}, elapsed=clock.elapsed),
            objective=self._scorer.spec.is_objective,
        )
        with blaming(f"{self._both}: cannot be recorded"):
            commit = self._prepare_commit(report, replacements, candidates, scores, scoring)
        return report, replacements, commit

    def _require_a_score(self, scores: Scores) -> None:
        if scores.ok is None or scores.ok.any():
            return
        requests = self._store.requests()  # where asking the target costs something
        spent = f": {spending(requests)}; a resumed run asks again" if requests else ""
        fault = f"not one of {len(scores.ok)} images got a usable score (NaN, infinite or refused"
        kept = "; generations before are kept" if self.generation >= 0 else ""
        raise TargetError(f"{self._scorer.name}: {fault}{spent}){kept}")

    def _prepare_commit(
        self,
        report: GenerationReport,
        replacements: Sequence[Replacement],
        candidates: Sequence[Candidate],
        scores: Scores,
        scoring: Generation,
    ) -> Callable[[], None]:
        """Take what is to be recorded, before the scheme goes on; give what writes and commits it.

        Genomes and images are written by the side of the next generation's scoring.
        """
        rows = {candidate.id: row for row, candidate in enumerate(candidates)}
        elites = {r.elite.candidate.id: r.elite.candidate for r in replacements}
        members = {candidate.id: candidate for candidate in self.scheme.members()}
        fresh = [c for id_, c in sorted({**members, **elites}.items()) if id_ in rows]
        ids = sorted(elites)
        places = [rows[id_] for id_ in ids]
        drawn = dict(zip(ids, scoring.saved(places), strict=True))
        top, measures = dict[int, list[tuple[int, float]]](), dict[int, list[float]]()
        if scores.measures is None:
            top = dict(zip(ids, map(self._best_of, scores.probs[places]), strict=True))
        else:  # an image has a score in its own cell alone
            measures = dict(zip(ids, scores.measures[places].tolist(), strict=True))
        known, names = self._known, self._scorer.spec.classes
        searched, self._known = set(self.scheme.archive.classes.tolist()), len(names)
        dumps, size = self._encoding.dumps, self._encoding.size
        # A deep copy: the scheme may change what it gave.
        state = json.loads(json.dumps({"scheme": self.scheme.state(), **self._scorer.state()}))
        # A resumed run would have room for other candidates. What a budget cut off is asked again.
        full = self._no_room and not self.spent
        facts = {"full_of": self._limits.images} if full else {}

        def commit() -> None:
            with blaming(f"{self._both}: cannot be recorded"):
                record = GenerationRecord(
                    report=report,
                    replacements=replacements,
                    candidates=[
                        StoredCandidate(
                            c.id, c.generation, c.parents, dumps(c.genome), size(c.genome)
                        )
                        for c in fresh
                    ],
                    images={id_: encode_png(image) for id_, image in drawn.items()},
                    top=top,
                    measures=measures,
                    members=frozenset(members),
                    classes=[(i, names[i], i in searched) for i in range(known, len(names))],
                )
            self._store.commit(record, state, facts)

        return commit

    def _make_parts(self, current: _PendingGeneration) -> Iterator[Sequence[Candidate]]:
        clock, scoring = current.clock, current.scoring
        whose = f"{self._both}: ask() failed"
        with blaming(whose):
            candidates = self._take_candidates(current)
        for size in scoring.batches.part_sizes(self.scheme.batch):
            with blaming(whose):
                part = list(islice(candidates, size))
            clock.count("breeding")
            if not part:
                return
            genomes = [candidate.genome for candidate in part]
            images: Any
            if self._scorer.remote is not None:
                images = self._scorer.remote.write(genomes)
            else:
                images = draw(self._encodings, genomes, self._scorer.spec, self._encoding_name)
            clock.count("rendering")
            scoring.add(images)
            clock.count("scoring")
            yield part
            if scoring.batches.full:
                return

    def _take_candidates(self, current: _PendingGeneration) -> Iterator[Candidate]:
        left = math.inf if self._limits.images is None else self._limits.images - self.evaluations
        asked = self.scheme.ask()
        current.clock.last += self.scheme.waited
        for candidate in asked:
            left -= candidate.evaluations - 1 + self._scorer.views
            if left < 0:
                current.no_room = True
                return
            yield candidate
            if not left:
                return

    def _best_of(self, scores: np.ndarray) -> list[tuple[int, float]]:
        best = np.argsort(-scores, kind="stable")[:MOST_TOP].tolist()
        least = -math.inf if self._scorer.spec.is_objective else 0.0
        rounded = [(number, float(f"{scores[number]:.4g}")) for number in best]
        return [(number, score) for number, score in rounded if score > least]
