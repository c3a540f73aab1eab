"""Exact scores that are begun while other images of the generation are still being screened.

They are for idle workers. Which images are confirmed, and in which batches, is decided when all are
screened; of what was begun, only batches that are just so are taken.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from neatfool.network.memory import OutOfMemory

if TYPE_CHECKING:
    from concurrent.futures import Future

    from neatfool.scoring.batches import Batches, Timed
    from neatfool.scoring.generation_images import GenerationImages
    from neatfool.scoring.screening import Screening
    from neatfool.spec.scores import Scores

MOST_CONFIRMED: Final = 0.25
"""If more of a generation was confirmed, many that seem to matter come to be surpassed."""
MOST_CLASSES: Final = 10_000
"""With more, to look at scores twice costs more than is gained."""


class EarlyConfirmations:
    """Exact scores of a generation that are begun early.

    Attributes:
        seconds: The time that the target took for those that were taken.
    """

    def __init__(
        self, batches: Batches, screening: Screening, bar: np.ndarray, images: GenerationImages
    ) -> None:
        """Begin with none.

        Args:
            batches: Where images are scored.
            screening: Says which may matter.
            bar: float64 [K], the rank to beat in each class.
            images: The generation's.
        """
        self.seconds = 0.0
        self._batches = batches
        self._screening = screening
        self._bar = bar
        self._images = images
        # On several devices an image's scores may depend on which of them it is given to.
        self._on = (
            batches.workers > 1
            and batches.devices == 1
            and screening.confirmed <= MOST_CONFIRMED
            and len(bar) <= MOST_CLASSES
        )
        self._seen = 0
        self._waiting: list[int] = []
        self._submitted: dict[tuple[int, ...], Future[Timed]] = {}

    def add(self, scores: Scores) -> None:
        """Look at the next images' half-precision scores, and begin to confirm what may matter.

        Args:
            scores: Of some images, in their order.
        """
        if not self._on:
            return
        found = np.flatnonzero(self._screening.doubtful(scores, self._bar))
        self._waiting += (found + self._seen).tolist()
        self._seen += len(scores.probs)
        size = self._batches.sizes.exact
        while len(self._waiting) >= size:
            rows, self._waiting = self._waiting[:size], self._waiting[size:]
            (self._submitted[tuple(rows)],) = self._batches.submit(self._images.pick(rows))

    def take_wanted(self, rows: np.ndarray) -> dict[tuple[int, ...], Scores]:
        """Take those batches that are wanted, and let go of the others.

        Args:
            rows: int64 [n], the images that are to be confirmed, in batches, in this order.

        Returns:
            The scores of some batches by their images; none, if memory did not suffice for one.

        Raises:
            TargetError: As :meth:`neatfool.scoring.scorer.Scorer.score`.
        """
        size, taken = self._batches.sizes.exact, {}
        batches = {
            tuple(rows[first : first + size].tolist()) for first in range(0, len(rows), size)
        }
        for batch, future in self._submitted.items():
            if batch not in batches:
                future.cancel()
        try:
            for batch in batches & self._submitted.keys():
                taken[batch], seconds = self._submitted[batch].result()
                self.seconds += seconds
        except OutOfMemory:
            return {}
        return taken
