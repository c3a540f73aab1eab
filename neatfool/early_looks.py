"""Exact scores that are begun while other images of the generation are still being screened.

They are for idle workers: which images are confirmed is decided when all are screened, and what was
begun for others is let go.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.memory import OutOfMemory

if TYPE_CHECKING:
    from concurrent.futures import Future

    from neatfool.generation_images import GenerationImages
    from neatfool.scoring import Scorer, Timed
    from neatfool.screening import Screening
    from neatfool.spec import Scores

MOST_CONFIRMED: Final = 0.25
"""If more of a generation was confirmed, many that seem to matter come to be surpassed."""
MOST_CLASSES: Final = 10_000
"""With more, to look at scores twice costs more than is gained."""


class EarlyLooks:
    """Exact scores of a generation that are begun early.

    Attributes:
        seconds: The time that the target took for those that were taken.
    """

    def __init__(
        self, scorer: Scorer, screening: Screening, bar: np.ndarray, images: GenerationImages
    ) -> None:
        """Begin with none.

        Args:
            scorer: Scores them.
            screening: Says which may matter.
            bar: float64 [K], the rank to beat in each class.
            images: The generation's.
        """
        self.seconds = 0.0
        self._scorer = scorer
        self._screening = screening
        self._bar = bar
        self._images = images
        # On several devices an image's scores may depend on which of them it is given to.
        self._on = (
            scorer.workers > 1
            and scorer.devices == 1
            and screening.confirmed <= MOST_CONFIRMED
            and len(bar) <= MOST_CLASSES
        )
        self._seen = 0
        self._waiting: list[int] = []
        self._begun: list[tuple[list[int], Future[Timed]]] = []

    def look(self, scores: Scores) -> None:
        """Look at the next images' half-precision scores, and begin to confirm what may matter.

        Args:
            scores: Of some images, in their order.
        """
        if not self._on:
            return
        found = np.flatnonzero(self._screening.doubtful(scores, self._bar))
        self._waiting += (found + self._seen).tolist()
        self._seen += len(scores.probs)
        size = self._scorer.batch_size
        while len(self._waiting) >= size:
            rows, self._waiting = self._waiting[:size], self._waiting[size:]
            (future,) = self._scorer.begun(self._images.pick(rows))
            self._begun.append((rows, future))

    def taken(self, rows: np.ndarray) -> tuple[np.ndarray, list[Scores]]:
        """Take those scores that are wanted, and let go of the others.

        Args:
            rows: int64 [n], the images that are to be confirmed.

        Returns:
            The images that there are scores of, int64 [m], and these, in some pieces; none, if
            memory did not suffice for one of them.

        Raises:
            TargetError: As :meth:`Scorer.score`.
        """
        wanted, found, pieces = set(rows.tolist()), [], []
        try:
            for begun, future in self._begun:
                places = [place for place, row in enumerate(begun) if row in wanted]
                if not places:
                    future.cancel()
                    continue
                scores, seconds = future.result()
                self.seconds += seconds
                found += [begun[place] for place in places]
                pieces.append(scores.part(places))
        except OutOfMemory:
            found, pieces = [], []
        return np.array(found, np.int64), pieces
