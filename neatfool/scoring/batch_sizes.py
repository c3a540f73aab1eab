"""How many images a call of a target has: as many as planned, until memory does not suffice.

Then it is half as many, from the beginning of the generation under way on, so that a generation has
one size. A network's scores depend on it in their last bits; so the run records when it changed.
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
        exact: Images a call whose scores are recorded.
        screening: Images a call that screens.
        halvings: [generation, exact, screening] for each generation from which on they were less.
    """

    def __init__(self, name: str, plan: Plan) -> None:
        """Begin with what is planned.

        Args:
            name: What messages call the target.
            plan: How the run scores.
        """
        self.exact, self.screening = plan.batch_size, plan.screening_batch
        self.halvings: list[list[int]] = []
        self._name = name
        self._recorded = self.exact, self.screening
        self._told = False

    def of(self, *, screen: bool) -> int:
        """Give the size of a batch that is screened, or scored exactly."""
        return self.screening if screen else self.exact

    def halve(self, *, screen: bool, cause: str) -> None:
        """Make batches smaller; the user is told the first time.

        Args:
            screen: Whether it was a call that screened in which memory ran out.
            cause: What was said then.

        Raises:
            TargetError: There was only one image in it.
        """
        size = self.of(screen=screen)
        if size == 1:
            raise TargetError(
                f"{self._name}: out of memory with a single image ({cause}); free some, or compute "
                "elsewhere (perhaps [target] device = cpu)"
            )
        if screen:
            self.screening = size // 2
        else:
            self.exact = size // 2
        if not self._told:
            self._told = True
            _log.warning(
                "%s: out of memory with %d images a call (%s); goes on with %d, and with fewer "
                "where need be; a run records it",
                self._name,
                size,
                cause,
                size // 2,
            )

    def record(self, generation: int) -> None:
        """Note that a generation was scored, in batches of these sizes."""
        if (self.exact, self.screening) != self._recorded:
            self._recorded = self.exact, self.screening
            self.halvings.append([generation, *self._recorded])

    def restore(self, halvings: Json) -> None:
        """Go on from what a run recorded."""
        self.halvings = [list(halving) for halving in halvings]
        if self.halvings:
            _, self.exact, self.screening = self.halvings[-1]
            self._recorded = self.exact, self.screening
            self._told = True
