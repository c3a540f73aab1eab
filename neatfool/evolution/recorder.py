"""What is recorded of a run's generations, and when it is committed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from neatfool.run.images import encode_png
from neatfool.run.records import GenerationRecord, StoredCandidate

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np

    from neatfool.run.statistics import GenerationReport
    from neatfool.run.store import RunStore
    from neatfool.scoring.generation_images import GenerationImages
    from neatfool.scoring.scorer import Scorer
    from neatfool.spec.candidate import Candidate, Replacement
    from neatfool.spec.encoding import Encoding
    from neatfool.spec.json import Json
    from neatfool.spec.scheme import Scheme


@dataclass(frozen=True)
class Told:
    """What is to be recorded of a generation that the scheme has selected from.

    The next one may be begun then: it changes the scheme, and needs the memory of the images.
    """

    report: GenerationReport
    replacements: Sequence[Replacement]
    fresh: Sequence[Candidate]
    images: Mapping[int, np.ndarray]
    members: frozenset[int]
    classes: Sequence[tuple[int, str, bool]]
    state: Json


class Recorder:
    """Writes generations to a run's database."""

    def __init__(
        self,
        scorer: Scorer,
        encoding: Encoding[Any],
        scheme: Scheme,
        store: RunStore,
        *,
        checkpoint_every: int,
    ) -> None:
        """Begin with nothing to be written.

        Args:
            scorer: Whose state is recorded with the scheme's.
            encoding: How genomes are written.
            scheme: The search.
            store: The database.
            checkpoint_every: Generations a transaction.
        """
        self._scorer = scorer
        self._encoding = encoding
        self._scheme = scheme
        self._store = store
        self._checkpoint_every = checkpoint_every
        self._pending: list[tuple[GenerationRecord, Json]] = []
        self._classes = len(scorer.spec.classes)

    def take(
        self,
        report: GenerationReport,
        replacements: Sequence[Replacement],
        candidates: Sequence[Candidate],
        images: GenerationImages,
    ) -> Told:
        """Take what is to be recorded of a generation, of which nothing else is kept."""
        rows = {candidate.id: row for row, candidate in enumerate(candidates)}
        elites = {r.elite.candidate.id: r.elite.candidate for r in replacements}
        members = {candidate.id: candidate for candidate in self._scheme.members()}
        ids = sorted(elites)
        drawn = images.pick([rows[id_] for id_ in ids]).cpu().numpy()
        return Told(
            report=report,
            replacements=replacements,
            fresh=[c for id_, c in sorted({**members, **elites}.items()) if id_ in rows],
            images=dict(zip(ids, drawn, strict=True)),
            members=frozenset(members),
            classes=self._new_classes(),
            # As it is now, whatever the scheme goes on to do with what it gave.
            state=json.loads(json.dumps({"scheme": self._scheme.state(), **self._scorer.state()})),
        )

    def keep(self, told: Told) -> None:
        """Record a generation; it is committed with others, if so wished."""
        # An interrupt may come at any line: what is pending is always a whole generation.
        self._pending.append((self._record(told), told.state))
        if len(self._pending) >= self._checkpoint_every:
            self.flush()

    def flush(self) -> None:
        """Write what is pending, with the state after it, in one transaction."""
        # An interrupt may also have come between a commit and the line after it.
        committed = self._store.last_generation()
        pending = [entry for entry in self._pending if entry[0].report.generation > committed]
        if pending:
            self._store.commit([record for record, _ in pending], pending[-1][1])
        self._pending.clear()

    def _record(self, told: Told) -> GenerationRecord:
        return GenerationRecord(
            report=told.report,
            replacements=told.replacements,
            candidates=[self._written(candidate) for candidate in told.fresh],
            images={id_: encode_png(image) for id_, image in told.images.items()},
            members=told.members,
            classes=told.classes,
        )

    def _new_classes(self) -> list[tuple[int, str, bool]]:
        """Number and name the classes that turned up in this generation."""
        known, self._classes = self._classes, len(self._scorer.spec.classes)
        searched = set(self._scheme.archive.classes.tolist())
        names = self._scorer.spec.classes
        return [(i, names[i], i in searched) for i in range(known, self._classes)]

    def _written(self, candidate: Candidate) -> StoredCandidate:
        return StoredCandidate(
            id=candidate.id,
            generation=candidate.generation,
            parents=candidate.parents,
            genome=self._encoding.dumps(candidate.genome),
            size=self._encoding.size(candidate.genome),
        )
