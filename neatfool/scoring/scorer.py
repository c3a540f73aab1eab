"""The scorer: a target made safe and fast, asked in this process or by an engine's workers.

A generation is screened first, where that pays, and then what may matter is scored again, exactly.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import torch

from neatfool.errors import ExperimentError
from neatfool.files import Json
from neatfool.network.devices import OutOfMemory
from neatfool.scoring.batches import Batches, LocalBatches, Timed
from neatfool.scoring.plan import ScoringPlan
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.scores import Scores
from neatfool.spec.target import Budget, MeteredTarget, Target

if TYPE_CHECKING:
    from neatfool.scoring.metering import MeteredBatches
    from neatfool.scoring.remote import RemoteBatches
    from neatfool.scoring.screening import ScreeningMargin

BATCHES_AT_ONCE: Final = 64
"""So many batches are copied at once to be confirmed: a whole first generation is much memory."""


class Scorer:
    """Scores any number of images through a target, in checked batches of one size.

    Attributes:
        name: What messages call the target.
        fingerprint: Changes when the target scores differently.
        views: How many views of an image are shown, each of which counts as an image.
        batches: Asks the target, in this process.
        metered: The same, if asking the target costs something; else None.
        remote: What asks an engine's workers for a generation's scores; None without an engine.
        screening: What screening has learnt; None if each image is scored exactly.
    """

    def __init__(
        self,
        target: Target,
        *,
        name: str,
        plan: ScoringPlan,
        budget: Budget | None = None,
        fingerprint: str = "",
    ) -> None:
        self.target = target
        self.name = name
        self.fingerprint = fingerprint
        self.plan = plan
        self.metered: MeteredBatches | None = None
        self.batches: Batches
        if isinstance(target, MeteredTarget):
            from neatfool.scoring.metering import MeteredBatches

            self.batches = self.metered = MeteredBatches(target, name, plan, budget)
        else:
            self.batches = LocalBatches(target, name, plan)
        self.views = self.batches.views
        self.remote: RemoteBatches | None = None
        self.screening: ScreeningMargin | None = None
        if plan.screening:
            from neatfool.scoring.screening import ScreeningMargin

            self.screening = ScreeningMargin()

    @property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that have turned up so far."""
        return self.batches.spec

    @property
    def batch_size(self) -> int:
        """Images a call when they are scored exactly."""
        return self.batches.sizes[False]

    @property
    def costs(self) -> bool:
        """Whether asking the target costs something."""
        return self.metered is not None

    def describe(self) -> str:
        """Say in one line how images are scored: on which device, how many a call."""
        return self.plan.describe()

    def score(self, images: torch.Tensor) -> Scores:
        """Score images exactly.

        Args:
            images: uint8 [N, C, H, W], a tensor or a numpy array. The target gets copies. Or
                [N, views, C, H, W], drawn anew for each view.

        Returns:
            Numpy arrays: probabilities [N, K] (an objective's scores are any numbers), logits
            [N, K] or None, and ``ok`` [N], which is False for an image whose scores are not
            numbers; its row of probabilities is zero.

        Raises:
            ExperimentError: These are not images of the target's spec.
            TargetError: The target raised an exception, or its answer has the wrong type or
                shape or does not hold probabilities.
            BudgetSpent: The budget does not suffice.
        """
        images = torch.as_tensor(images)
        shapes = {self.spec.shape, (self.views, *self.spec.shape)}
        if images.dtype != torch.uint8 or images.shape[1:] not in shapes or not len(images):
            shape, got = ", ".join(map(str, self.spec.shape)), [*images.shape]
            kind = str(images.dtype).removeprefix("torch.")
            fault = f"scores images as uint8 [N, {shape}], N at least 1"
            raise ExperimentError(f"{self.name}: {fault}; got {kind} {got}")
        if self.metered is not None:
            return self.metered.score(images)
        whole = Generation(self.batches, None, None)
        whole.add(images)
        return whole.result()

    def generation(self, bar: np.ndarray | None = None) -> Generation:
        """Start to score a generation.

        Args:
            bar: float64 [K], the rank above which a score matters in each class; None: all matter.
        """
        return Generation(self.remote or self.batches, self.screening, bar)

    def state(self) -> dict[str, Json]:
        """Give what a resumed run needs."""
        screening = self.screening.state() if self.screening is not None else None
        state: dict[str, Json] = {"screening": screening, "halvings": [*self.batches.halvings]}
        if self.metered is not None:
            state["answers"] = self.metered.recorded = self.metered.ledger.count()
        return state

    def restore(self, state: dict[str, Json]) -> None:
        """Restore what :meth:`state` gave."""
        self.batches.restore(state["halvings"])
        if self.metered is not None:
            self.metered.recorded = int(state["answers"])
        if self.screening is not None:
            self.screening.restore(state["screening"])

    def check_allowed(self, images: int, most: int | None) -> None:
        """Refuse to score so many images if each costs something and the user allows fewer.

        Raises:
            BudgetSpent: It costs something, and ``most`` is less than ``images`` or None.
        """
        if self.costs:
            from neatfool.budget import check_allowed

            check_allowed(self.name, images, most)

    def __enter__(self) -> Self:
        """Use the scorer in a block of ``with``, at whose end it is closed."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the target."""
        self.close()

    def close(self) -> None:
        """Close the target, if it can be closed."""
        self.batches.close()


class Generation:
    """Scores a generation's images, a part at a time, while others are made."""

    def __init__(
        self, batches: Batches, screening: ScreeningMargin | None, bar: np.ndarray | None
    ) -> None:
        """Begin; ``bar`` is float64 [K], the rank to beat in each class, without which none is."""
        self.batches = batches
        self.parts: list[Any] = []
        batches.begin()
        self.seconds = 0.0  # that the target would take if all its workers were always busy
        self.confirmed = 0
        self.answered: list[int] = []  # the images that finished batches showed
        self._bar = bar
        screens = screening is not None and bar is not None and screening.begin()
        self._screening = screening if screens else None
        self._submitted: list[Future[Timed]] = []

    def add(self, part: Any) -> None:
        """Score a part of the images, uint8 [n, C, H, W], which must not change afterwards."""
        self.parts.append(part)
        self._submitted += self.batches.submit(
            part, screen=self._screening is not None, answered=self.answered
        )

    def result(self) -> Scores:
        """Wait for the scores, up to the first image that a spent budget left without one."""
        parts, screening, bar = self.parts, self._screening, self._bar
        if screening is None or bar is None:
            scores = self._collect(parts, self._submitted)
            self.confirmed = len(scores.probs)
            return scores
        scores = self._collect(parts, self._submitted, screen=True)
        looked_at = screening.doubtful(scores, bar)
        rows = np.flatnonzero(looked_at)
        self.confirmed = len(rows)
        if len(rows):
            exact = self._score_exactly(rows)
            screening.learn(scores.part(rows), exact, len(scores.probs))
            for name in ("probs", "logits", "ok", "measures"):
                if (own := getattr(scores, name)) is not None:
                    own[rows] = getattr(exact, name)
        return replace(scores, exact=looked_at)

    def cancel(self) -> None:
        """Cancel what has not started; there will be no result."""
        for future in self._submitted:
            future.cancel()

    def saved(self, rows: Sequence[int]) -> Sequence[np.ndarray]:
        """Give some of the images to be saved, each uint8 [C, H, W]."""
        return self.batches.saved(self._find(rows))

    def _find(self, rows: Sequence[int] | np.ndarray) -> list[Any]:
        ends = np.cumsum([len(part) for part in self.parts])
        places = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return [
            self.parts[place][int(row) - starts[place]]
            for row, place in zip(rows, places, strict=True)
        ]

    def _collect(
        self, parts: Sequence[Any], submitted: Sequence[Future[Timed]], *, screen: bool = False
    ) -> Scores:
        while True:
            try:
                scores, seconds = self.batches.collect(submitted)
            except OutOfMemory as error:
                cause = str(error)
            else:
                self.seconds += seconds
                return scores
            wait(submitted)
            self.batches.halve(screen=screen, cause=cause)
            again: list[Future[Timed]] = []
            for part in parts:
                again += self.batches.submit(part, screen=screen)
            submitted = again

    def _score_exactly(self, rows: np.ndarray) -> Scores:
        size, pieces = self.batches.sizes[False], list[Scores]()
        for first in range(0, len(rows), BATCHES_AT_ONCE * size):
            some = self._find(rows[first : first + BATCHES_AT_ONCE * size])
            images = self.batches.pick(some)
            pieces.append(self._collect([images], self.batches.submit(images)))
            if self.batches.sizes[False] < size and first:
                # Memory ran out. A generation's batches have one size, so all are scored again.
                return self._score_exactly(rows)
        return self.batches.concatenate(pieces)
