"""The recorder writes generations to a run's database, several in one commit."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.run.images import encode_png
from neatfool.run.schema import GenerationRecord, StoredCandidate

if TYPE_CHECKING:
    from neatfool.evolution.assembly import Assembly
    from neatfool.run.statistics import GenerationReport
    from neatfool.run.store import RunStore
    from neatfool.scoring.batches import GenerationImages
    from neatfool.spec.candidate import Candidate, Replacement
    from neatfool.spec.json import Json
    from neatfool.spec.scores import Scores

MOST_TOP: Final = 6
"""The best classes of an elite's image are recorded, up to this many: its own and runners-up."""


class Recorder:
    """Writes generations to a run's database."""

    def __init__(self, assembly: Assembly, store: RunStore) -> None:
        self._scorer = assembly.scorer
        self._encoding = assembly.encoding
        self._scheme = assembly.scheme
        self._store = store
        self._checkpoint_every = assembly.experiment.general.checkpoint_every
        self._pending: list[tuple[GenerationRecord, Json]] = []
        self._known = len(self._scorer.spec.classes)

    def take(
        self,
        report: GenerationReport,
        replacements: Sequence[Replacement],
        candidates: Sequence[Candidate],
        scores: Scores,
        images: GenerationImages,
    ) -> Callable[[], None]:
        """Copy from a generation what is to be recorded, so that the next one can start.

        The next generation changes the scheme, and needs the memory that the images take.

        Returns:
            What records it, and commits when ``checkpoint_every`` are pending.
        """
        rows = {candidate.id: row for row, candidate in enumerate(candidates)}
        elites = {r.elite.candidate.id: r.elite.candidate for r in replacements}
        members = {candidate.id: candidate for candidate in self._scheme.members()}
        fresh = [c for id_, c in sorted({**members, **elites}.items()) if id_ in rows]
        ids = sorted(elites)
        places = [rows[id_] for id_ in ids]
        drawn = dict(zip(ids, images.saved(places), strict=True))
        top = dict(zip(ids, map(_best_of, scores.probs[places]), strict=True))
        known, names = self._known, self._scorer.spec.classes
        searched, self._known = set(self._scheme.archive.classes.tolist()), len(names)
        classes = [(i, names[i], i in searched) for i in range(known, len(names))]
        # A deep copy: the scheme may change what it gave.
        state = json.loads(json.dumps({"scheme": self._scheme.state(), **self._scorer.state()}))

        dumps, size = self._encoding.dumps, self._encoding.size

        def keep() -> None:
            record = GenerationRecord(
                report=report,
                replacements=replacements,
                candidates=[
                    StoredCandidate(c.id, c.generation, c.parents, dumps(c.genome), size(c.genome))
                    for c in fresh
                ],
                images={id_: encode_png(image) for id_, image in drawn.items()},
                top=top,
                members=frozenset(members),
                classes=classes,
            )
            # An interrupt may come at any line, so only whole generations are pending.
            self._pending.append((record, state))
            if len(self._pending) >= self._checkpoint_every:
                self.flush()

        return keep

    def flush(self) -> None:
        """Write the pending generations, and the state after them, in one transaction."""
        # An interrupt may have come between a commit and the line after it.
        committed = self._store.last_generation()
        pending = [entry for entry in self._pending if entry[0].report.generation > committed]
        if pending:
            self._store.commit([record for record, _ in pending], pending[-1][1])
        self._pending.clear()


def _best_of(confidences: np.ndarray) -> list[tuple[int, float]]:
    """Give the classes with the highest confidences, [K], and these to four digits."""
    best = np.argsort(-confidences, kind="stable")[:MOST_TOP].tolist()
    sure = [(number, float(f"{confidences[number]:.4g}")) for number in best]
    return [(number, confidence) for number, confidence in sure if confidence > 0]
