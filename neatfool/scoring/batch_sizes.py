"""How many images a call of a target has: as planned, and half as many when memory runs out.

The current generation is then scored again, so that each generation has one size. A network's
scores depend on the size in their last bits, so the run records when it changed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from neatfool.errors import TargetError

if TYPE_CHECKING:
    from neatfool.scoring.plan import Plan
    from neatfool.spec.json import Json

_log = logging.getLogger("neatfool.scoring")


class BatchSizes:
    """The sizes of batches in a run.

    Attributes:
        exact: Images a call when scores are recorded.
        screening: Images a call when screening.
        halvings: [generation, exact, screening] for each generation where a size changed.
    """

    def __init__(self, name: str, plan: Plan) -> None:
        self.exact, self.screening = plan.batch_size, plan.screening_batch
        self.halvings: list[list[int]] = []
        self._name = name
        self._recorded = self.exact, self.screening
        self._warned = False

    def of(self, *, screen: bool) -> int:
        """Give the size for screening or for exact scores."""
        return self.screening if screen else self.exact

    def set(self, size: int, *, screen: bool) -> None:
        """Set the size for screening or for exact scores, as another process says."""
        if screen:
            self.screening = size
        else:
            self.exact = size

    def halve(self, *, screen: bool, cause: str) -> None:
        """Halve a size, and warn the first time.

        Args:
            screen: Whether memory ran out in a screening call.
            cause: The error's message.

        Raises:
            TargetError: A single image is too large.
        """
        size = self.of(screen=screen)
        if size == 1:
            raise TargetError(
                f"{self._name}: out of memory with a single image ({cause}); free some memory, or "
                "compute elsewhere (perhaps [target] device = cpu)"
            )
        self.set(size // 2, screen=screen)
        if not self._warned:
            self._warned = True
            _log.warning(
                "%s: out of memory with %d images a call (%s); the run goes on with %d, or fewer "
                "if need be, and records it",
                self._name,
                size,
                cause,
                size // 2,
            )

    def record(self, generation: int) -> None:
        """Note the sizes that a generation was scored with, if they changed."""
        if (self.exact, self.screening) != self._recorded:
            self._recorded = self.exact, self.screening
            self.halvings.append([generation, *self._recorded])

    def restore(self, halvings: Json) -> None:
        """Restore what a run recorded."""
        self.halvings = [list(halving) for halving in halvings]
        if self.halvings:
            _, self.exact, self.screening = self.halvings[-1]
            self._recorded = self.exact, self.screening
            self._warned = True
