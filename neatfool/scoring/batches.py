"""A target's answers, checked, in batches of one size and from as many workers as pay.

A network's scores depend on the size of the batch in their last bits, so the last batch is padded.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

import numpy as np

from neatfool.errors import NeatfoolError, TargetError
from neatfool.network.memory import OutOfMemory, is_out_of_memory
from neatfool.scoring.answers import check_scores
from neatfool.scoring.batch_sizes import BatchSizes
from neatfool.scoring.plan import networks_of
from neatfool.scoring.workers import Workers
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import torch

    from neatfool.scoring.plan import Plan
    from neatfool.spec.target import Target

    Timed: TypeAlias = tuple[Scores, float]
    """Scores, and the seconds that they took."""


class Batches:
    """Asks a target about images, a batch at a time.

    Attributes:
        sizes: How many images a call has: those of the plan, or fewer.
    """

    def __init__(self, target: Target, *, name: str, plan: Plan) -> None:
        """Prepare.

        Args:
            target: The target.
            name: What messages call it.
            plan: How it scores.
        """
        self.sizes = BatchSizes(name, plan)
        self._target = target
        self._name = name
        self._plan = plan
        self._networks = networks_of(target)
        # A target without networks may be one that only the thread that made it may call.
        self._workers = (
            Workers("neatfool-score", self._networks, plan.threads, plan.workers)
            if self._networks
            else None
        )

    @property
    def workers(self) -> int:
        """Calls at a time."""
        return self._workers.count if self._workers is not None else 1

    @property
    def devices(self) -> int:
        """Devices that the target's networks compute on, at least 1."""
        return self._workers.devices if self._workers is not None else 1

    @property
    def in_threads(self) -> bool:
        """Whether images are scored in threads of their own, while others are made."""
        return self._workers is not None

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on, None if it has none."""
        return self._networks[0].device.type if self._networks else None

    def shutdown(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.shutdown()

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

    def submit(
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
            self._start(first + number, partial(self._timed, task, size, answered), screen=screen)
            for number, task in enumerate(tasks)
        ]

    def _start(self, number: int, task: Callable[[], Timed], *, screen: bool) -> Future[Timed]:
        if self._workers is not None:
            form = self._plan.screen if screen else self._plan.exact
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
        return self.concatenate(batches), time.perf_counter() - began

    def concatenate(self, parts: Sequence[Scores]) -> Scores:
        """Put scores together.

        Raises:
            TargetError: Some have logits, others have not.
        """
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self._name}: gave logits for some batches only; give all or none")
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
        return check_scores(answer, size, self._target.spec, self._name, keep=count)

    def _call(self, images: torch.Tensor) -> Scores:
        try:
            if not self._networks:
                images = images.cpu()
            given = images.cpu().numpy() if self._target.spec.array == "numpy" else images
            return cast("Scores", self._target.score(given))
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
            f"{self._name}: score() failed on {shape} images: {type(error).__name__}: {error}"
        ) from error


def _padded(images: torch.Tensor, missing: int) -> torch.Tensor:
    """Copy images, and the last one as often as images are missing."""
    import torch

    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
