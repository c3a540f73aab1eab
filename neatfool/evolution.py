"""The loop: a run's generations, one after another.

ask -> render -> score -> tell -> commit -> observers. Nothing downstream calls back up.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from neatfool.errors import TargetError, blaming
from neatfool.generation_report import CONFIDENCE_THRESHOLDS, GenerationReport, Stages
from neatfool.images import encode_png
from neatfool.run_records import GenerationRecord, StoredCandidate
from neatfool.scoring import check_images

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import torch

    from neatfool.run_store import RunStore
    from neatfool.scoring import Scorer
    from neatfool.spec import (
        Candidate,
        Encoding,
        GenomeSize,
        Json,
        Replacement,
        Scheme,
        Scores,
    )


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
        evaluations: Images scored so far.
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
        self._sizes: dict[int, GenomeSize] = {}
        self._pending: list[tuple[GenerationRecord, Json]] = []
        self._recording = 0.0

    @property
    def done(self) -> bool:
        """Whether the run has reached its length."""
        limits = self._limits
        return (limits.generations is not None and self.generation + 1 >= limits.generations) or (
            limits.images is not None and self.evaluations >= limits.images
        )

    def run(
        self, stop: Callable[[], bool] = lambda: False
    ) -> Iterator[tuple[GenerationReport, Sequence[Replacement]]]:
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
        try:
            while not self.done and (result := self._step()) is not None:
                yield result
                if stop():
                    break
        finally:
            self._flush()

    def _step(self) -> tuple[GenerationReport, Sequence[Replacement]] | None:
        clock = _StageClock()
        with blaming(f"{self._scheme_name} with {self._encoding_name}: ask() failed"):
            candidates = self._asked()
        clock.lap("breeding")
        if not candidates:
            return None
        images = self._rendered(candidates)
        clock.lap("rendering")
        scores = self._scorer.score(images)
        self._refuse_a_blind_target(scores)
        clock.lap("scoring")
        with blaming(f"{self._scheme_name}: tell() failed"):
            replacements = self.scheme.tell(candidates, scores)
        self.generation += 1
        self.evaluations += len(candidates)
        clock.lap("selection")
        report = self._report(replacements, scores, clock, self._recording)
        with blaming(f"{self._scheme_name} with {self._encoding_name}: cannot be recorded"):
            record = self._record(report, replacements, candidates, images)
            state = self.scheme.state()
        # An interrupt may come at any line: what is pending is always a whole generation.
        self._pending.append((record, state))
        if len(self._pending) >= self._limits.checkpoint_every:
            self._flush()
        self._recording = clock.lap("recording")
        return report, replacements

    def _asked(self) -> list[Candidate]:
        candidates = self.scheme.ask()
        if self._limits.images is not None:
            return candidates[: self._limits.images - self.evaluations]
        return candidates

    def _rendered(self, candidates: Sequence[Candidate]) -> torch.Tensor:
        with blaming(f"{self._encoding_name}: render() failed"):
            images = self._encoding.render([candidate.genome for candidate in candidates])
        check_images(images, len(candidates), self._scorer.target.spec, self._encoding_name)
        return images

    def _refuse_a_blind_target(self, scores: Scores) -> None:
        assert scores.ok is not None
        if not scores.ok.any():
            raise TargetError(
                f"{self._scorer.name}: not one of {len(scores.ok)} images got a usable score "
                "(NaN, infinite or refused); what is recorded so far is kept"
            )

    def _report(
        self,
        replacements: Sequence[Replacement],
        scores: Scores,
        clock: _StageClock,
        recording: float,
    ) -> GenerationReport:
        archive = self.scheme.archive
        confidences = archive.confidences[archive.classes]
        lower, median, upper = np.percentile(confidences, (25, 50, 75)).tolist()
        sizes = self._elite_sizes()
        assert scores.ok is not None
        return GenerationReport(
            generation=self.generation,
            evaluations=self.evaluations,
            median=median,
            mean=float(confidences.mean()),
            minimum=float(confidences.min()),
            lower_quartile=lower,
            upper_quartile=upper,
            classes_ge=tuple(int((confidences >= t).sum()) for t in CONFIDENCE_THRESHOLDS),
            elites=len(sizes),
            replacements=len(replacements),
            goal_switches=sum(replacement.goal_switch for replacement in replacements),
            refused=int((~scores.ok).sum()),
            nodes=_mean([size.nodes for size in sizes]),
            connections=_mean([size.connections for size in sizes]),
            stages=replace(clock.stages, recording=recording),
        )

    def _elite_sizes(self) -> list[GenomeSize]:
        """Give the sizes of the distinct elites, each measured once."""
        held = self.scheme.archive.candidates
        self._sizes = {
            id_: self._sizes.get(id_) or self._encoding.size(candidate.genome)
            for id_, candidate in held.items()
        }
        return list(self._sizes.values())

    def _record(
        self,
        report: GenerationReport,
        replacements: Sequence[Replacement],
        candidates: Sequence[Candidate],
        images: torch.Tensor,
    ) -> GenerationRecord:
        rows = {candidate.id: row for row, candidate in enumerate(candidates)}
        elites = {r.elite.candidate.id: r.elite.candidate for r in replacements}
        members = {candidate.id: candidate for candidate in self.scheme.members()}
        fresh = [c for id_, c in sorted({**members, **elites}.items()) if id_ in rows]
        return GenerationRecord(
            report=report,
            replacements=replacements,
            candidates=[self._written(candidate) for candidate in fresh],
            images={id_: encode_png(images[rows[id_]].numpy()) for id_ in sorted(elites)},
            members=frozenset(members),
        )

    def _written(self, candidate: Candidate) -> StoredCandidate:
        return StoredCandidate(
            id=candidate.id,
            generation=candidate.generation,
            parents=candidate.parents,
            genome=self._encoding.dumps(candidate.genome),
            size=self._encoding.size(candidate.genome),
        )

    def _flush(self) -> None:
        """Write what is pending, with the state after it, in one transaction."""
        # An interrupt may also have come between a commit and the line after it.
        committed = self._store.last_generation()
        pending = [entry for entry in self._pending if entry[0].report.generation > committed]
        if pending:
            self._store.commit([record for record, _ in pending], pending[-1][1])
        self._pending.clear()


class _StageClock:
    """Adds up a generation's stages as they end."""

    def __init__(self) -> None:
        self.stages = Stages()
        self._last = time.perf_counter()

    def lap(self, stage: str) -> float:
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self.stages = replace(self.stages, **{stage: seconds})
        return seconds


def _mean(values: Sequence[int]) -> float:
    return float(np.mean(values)) if values else 0.0
