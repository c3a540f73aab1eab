"""Scoring: a target made safe and fast.

A target is called with batches of one fixed size, because a network's scores depend on it in
their last bits, and what it answers is checked before the search may see it.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

import numpy as np

from neatfool.budget.ledger import Budget
from neatfool.errors import NeatfoolError, TargetError, blaming
from neatfool.network.memory import OutOfMemory, is_out_of_memory
from neatfool.scoring.answers import check_scores
from neatfool.scoring.batch_sizes import BatchSizes
from neatfool.scoring.generation import GenerationScoring
from neatfool.scoring.metering import MeteredTarget, is_metered
from neatfool.scoring.plan import networks_of, part_size
from neatfool.scoring.screening import Screening
from neatfool.scoring.workers import Workers
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.scoring.metering import MeteredScoring
    from neatfool.scoring.plan import Plan
    from neatfool.spec.image_spec import ImageSpec
    from neatfool.spec.json import Json
    from neatfool.spec.target import Target

    Timed: TypeAlias = tuple[Scores, float]
    """Scores, and the seconds that they took."""


class Scorer:
    """Scores any number of images through a target, in checked batches of one size.

    Attributes:
        target: The target.
        name: What messages call it.
        plan: How it scores.
        sizes: How many images a call has: those of the plan, or fewer.
        screening: What screening has learnt; None where each image is scored exactly.
        metered: The target with its ledger, if asking it costs something; else None.
    """

    def __init__(
        self, target: Target, *, name: str, plan: Plan, budget: Budget | None = None
    ) -> None:
        """Make a target safe.

        Args:
            target: The target.
            name: What messages call it.
            plan: How it scores.
            budget: What may be spent, if asking the target costs something.
        """
        self.target = target
        self.name = name
        self.plan = plan
        self.sizes = BatchSizes(name, plan)
        self.screening = Screening(plan.worth) if plan.screening else None
        self.metered = (
            MeteredTarget(target, name=name, batch_size=plan.batch_size, budget=budget or Budget())
            if is_metered(target)
            else None
        )
        self._networks = networks_of(target)
        # A target without networks may be one that only the thread that made it may call.
        self._workers = (
            Workers("neatfool-score", self._networks, plan.threads, plan.workers)
            if self._networks
            else None
        )

    @property
    def spec(self) -> ImageSpec:
        """The target's spec, with the classes that have turned up."""
        return self.metered.spec if self.metered is not None else self.target.spec

    @property
    def batch_size(self) -> int:
        """Images a call, where they are scored exactly."""
        return self.sizes.exact

    @property
    def workers(self) -> int:
        """Calls at a time."""
        return self._workers.count if self._workers is not None else 1

    @property
    def devices(self) -> int:
        """Devices that the target's networks compute on, at least 1."""
        return self._workers.devices if self._workers is not None else 1

    @property
    def scores_meanwhile(self) -> bool:
        """Whether images are scored in threads of their own, while others are made."""
        return self._workers is not None

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on, None if it has none."""
        return self._networks[0].device.type if self._networks else None

    def score(self, images: torch.Tensor) -> Scores:
        """Score images exactly.

        Args:
            images: uint8 [N, C, H, W]; the target is given copies.

        Returns:
            Numpy arrays: probabilities [N, K], logits [N, K] or None, and ``ok`` [N], which is
            False for an image whose scores are not numbers; its row of probabilities is zero.

        Raises:
            TargetError: The target raised an exception, or answered with the wrong type or
                shape, or with what are not probabilities.
            BudgetSpent: It costs something, and there is no budget for it.
        """
        if self.metered is not None:
            return self.metered.score(images)
        scoring = GenerationScoring(self, None)
        scoring.add(images)
        return scoring.result()

    def generation(self, bar: np.ndarray | None = None) -> GenerationScoring | MeteredScoring:
        """Begin to score a generation.

        Args:
            bar: float64 [K], the rank to exceed in each class for a score to matter; None: all do.
        """
        if self.metered is not None:
            return self.metered.generation()
        return GenerationScoring(self, bar)

    def part_size(self, generation_size: int) -> int:
        """Choose how many candidates to score at a time: whole batches."""
        if self.metered is not None:
            return generation_size
        return part_size(generation_size, replace(self.plan, batch_size=self.sizes.exact))

    def state(self) -> dict[str, Json]:
        """Give what a resumed run needs to know."""
        screening = self.screening.state() if self.screening is not None else None
        state: dict[str, Json] = {"screening": screening, "halvings": [*self.sizes.halvings]}
        if self.metered is not None:
            state["answers"] = self.metered.state()
        return state

    def restore(self, state: dict[str, Json]) -> None:
        """Go on from a state."""
        self.sizes.restore(state.get("halvings", ()))
        if self.metered is not None:
            self.metered.restore(state["answers"])
        if self.screening is not None:
            self.screening.restore(state["screening"])

    def close(self) -> None:
        """Close the target, if it can be closed."""
        if self.metered is not None:
            with blaming(self.name):
                self.metered.close()
            return
        if self._workers is not None:
            self._workers.shutdown()
        if close := getattr(self.target, "close", None):
            with blaming(self.name):
                close()

    def halve(self, *, screen: bool, cause: str) -> None:
        """Make batches smaller, since memory does not suffice.

        Args:
            screen: Whether it was a call that screened.
            cause: What was said then.

        Raises:
            TargetError: There was only one image in it.
        """
        self.sizes.halve(screen=screen, cause=cause)
        for network in self._networks:
            network.forget()

    def begun(
        self,
        images: torch.Tensor,
        *,
        screen: bool = False,
        first: int = 0,
        answered: list[int] | None = None,
    ) -> list[Future[Timed]]:
        """Begin to score images, in as many tasks as there are threads for.

        Args:
            images: The images.
            screen: Whether to screen them.
            first: The number of the first task in its generation.
            answered: Where the size of each batch is noted once it is scored.

        Returns:
            The scores to be of each task, and the seconds that it took.
        """
        size = self.sizes.of(screen=screen)
        # A thread that ends a task has to wait for Python's lock; so as few tasks as will do.
        each = size if self.workers > 1 else len(images)
        tasks = [images[start : start + each] for start in range(0, len(images), each)]
        return [
            self._submitted(
                first + number, partial(self._timed, task, size, answered), screen=screen
            )
            for number, task in enumerate(tasks)
        ]

    def _submitted(self, number: int, task: Callable[[], Timed], *, screen: bool) -> Future[Timed]:
        if self._workers is not None:
            form = self.plan.screen if screen else self.plan.exact
            return self._workers.submit(number, form, task)
        done: Future[Timed] = Future()
        try:
            done.set_result(task())
        except OutOfMemory as error:
            done.set_exception(error)
        return done

    def _timed(self, images: torch.Tensor, size: int, answered: list[int] | None) -> Timed:
        began = time.perf_counter()
        batches = []
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            batches.append(self._batch(batch, size))
            if answered is not None:
                answered.append(len(batch))
        return self.joined(batches), time.perf_counter() - began

    def joined(self, parts: Sequence[Scores]) -> Scores:
        """Put scores together.

        Raises:
            TargetError: Some have logits, others have not.
        """
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self.name}: gave logits for some batches only; give all or none")
        return Scores(
            probs=np.concatenate([part.probs for part in parts]),
            logits=np.concatenate(logits) if logits else None,
            ok=np.concatenate([part.ok for part in parts if part.ok is not None]),
        )

    def _batch(self, images: torch.Tensor, size: int) -> Scores:
        count = len(images)
        # Padded or not, a copy: should the target write to its images, then what is saved, and what
        # is scored again after a screening or for want of memory, must not change.
        answer = self._call(_padded(images, size - count))
        return check_scores(answer, size, self.target.spec, self.name, keep=count)

    def _call(self, images: torch.Tensor) -> Scores:
        try:
            if not self._networks:
                images = images.cpu()
            given = images.cpu().numpy() if self.target.spec.array == "numpy" else images
            return cast("Scores", self.target.score(given))
        except Exception as error:
            if not is_out_of_memory(error):
                self._blame(images, error)
            said = f"{type(error).__name__}: {error}".split("\n", 1)[0]
        # Raised outside of the handler, so that nothing holds on to the memory of what failed.
        raise OutOfMemory(said)

    def _blame(self, images: torch.Tensor, error: Exception) -> NoReturn:
        if isinstance(error, NeatfoolError):
            raise error
        shape = "x".join(map(str, images.shape))
        raise TargetError(
            f"{self.name}: score() failed on {shape} images: {type(error).__name__}: {error}"
        ) from error


def _padded(images: torch.Tensor, missing: int) -> torch.Tensor:
    """Copy images, and the last one as often as images are missing."""
    import torch

    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
