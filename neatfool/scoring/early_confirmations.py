"""Idle workers score images exactly while others of the generation are still being screened.

Which images are confirmed, and in which batches, is decided when all are screened. An early batch
counts only if it is one of those batches.
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
"""Above this share of the last generation, better images overtake too many early ones."""
MOST_CLASSES: Final = 10_000
"""With more classes, screening scores twice costs more time than idle workers save."""


class EarlyConfirmations:
    """Exact scores of a generation that start early; ``seconds`` is the time of those used."""

    def __init__(
        self, batches: Batches, screening: Screening, bar: np.ndarray, images: GenerationImages
    ) -> None:
        """Take the generation's images and its bar: float64 [K], the rank to beat in each class."""
        self.seconds = 0.0
        self._batches = batches
        self._screening = screening
        self._bar = bar
        self._images = images
        # With several devices, an image's scores may depend on the device.
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
        """Take the next images' half-precision scores, and start to confirm what may matter."""
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
        """Take the batches that are wanted, and cancel the others.

        Args:
            rows: int64 [n], the images to confirm; consecutive ones form the batches.

        Returns:
            The scores of finished batches by their images. It is empty if memory ran out.

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
