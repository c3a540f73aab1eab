"""The scorer: a target made safe and fast, asked in this process or by an engine's workers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

import numpy as np
import torch

from neatfool.budget import Budget, check_allowed
from neatfool.errors import ExperimentError
from neatfool.scoring.batches import Batches, LocalBatches
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.screening import Generation, ScreeningMargin
from neatfool.spec.image_spec import ImageSpec
from neatfool.spec.json import Json
from neatfool.spec.scores import Scores
from neatfool.spec.target import MeteredTarget, Target

if TYPE_CHECKING:
    from neatfool.scoring.metering import MeteredBatches
    from neatfool.scoring.remote import RemoteBatches


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
        self.screening = ScreeningMargin() if plan.screening else None

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
            Numpy arrays: probabilities [N, K], logits [N, K] or None, and ``ok`` [N], which is
            False for an image whose scores are not numbers; its row of probabilities is zero.

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
