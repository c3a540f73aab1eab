"""A target is asked in batches of one size, by one or more workers, and its answers are checked.

A network's scores depend on the batch size in their last bits, so the last batch is padded.
"""

from __future__ import annotations

import time
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeAlias, cast

import numpy as np

from neatfool.errors import NeatfoolError, TargetError, cause
from neatfool.network.memory import OutOfMemory, is_out_of_memory
from neatfool.scoring.answers import check_scores
from neatfool.scoring.batch_sizes import BatchSizes
from neatfool.scoring.generation_images import GenerationImages
from neatfool.scoring.plan import networks_of
from neatfool.scoring.viewed_target import views_of
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
    """Asks a target about images, a batch at a time; ``sizes`` says how many images a call has."""

    def __init__(self, target: Target, *, name: str, plan: Plan) -> None:
        self.sizes = BatchSizes(name, plan)
        self._target = target
        self._name = name
        self._plan = plan
        self._networks = networks_of(target)
        # Without networks, perhaps only the thread that made the target may call it.
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
        """Whether other threads score images, so that new ones can be made meanwhile."""
        return self._workers is not None

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on; None without networks."""
        return self._networks[0].device.type if self._networks else None

    def images(self) -> GenerationImages:
        """Make what takes the images of a generation."""
        return GenerationImages()

    def shutdown(self) -> None:
        """End the workers."""
        if self._workers is not None:
            self._workers.shutdown()

    def halve(self, *, screen: bool, cause: str) -> None:
        """Make batches smaller, as :meth:`BatchSizes.halve`, and free the networks' buffers."""
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
        """Start to score images, in one task for each batch if several workers share them.

        Args:
            images: uint8 [n, C, H, W].
            screen: Whether to screen them.
            first: The number of the first task in its generation.
            answered: A list that takes how many images each batch showed, once it is scored.

        Returns:
            For each task a future of its scores and the seconds that they took.
        """
        size = self.sizes.of(screen=screen)
        # A thread waits for Python's lock at the end of each task, so there are few tasks.
        each = size if self.workers > 1 else len(images)
        tasks = [images[start : start + each] for start in range(0, len(images), each)]
        return [
            self._start(
                first + number, partial(self._score_timed, task, size, answered), screen=screen
            )
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

    def _score_timed(self, images: torch.Tensor, size: int, answered: list[int] | None) -> Timed:
        began = time.perf_counter()
        batches = []
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            batches.append(self._score_batch(batch, size))
            if answered is not None:
                answered.append(len(batch) * views_of(self._target))
        return self.concatenate(batches), time.perf_counter() - began

    def concatenate(self, parts: Sequence[Scores]) -> Scores:
        """Concatenate scores.

        Raises:
            TargetError: Some have logits, others do not.
        """
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self._name}: gave logits for some batches only; give all or none")
        return Scores(
            probs=np.concatenate([part.probs for part in parts]),
            logits=np.concatenate(logits) if logits else None,
            ok=np.concatenate([part.ok for part in parts if part.ok is not None]),
            alone=parts[0].alone,
        )

    def _score_batch(self, images: torch.Tensor, size: int) -> Scores:
        count = len(images)
        # A copy, padded or not: a target that writes to its images must not change those that are
        # saved, or scored again.
        answer = self._call(_pad(images, size - count))
        return check_scores(answer, size, self._target.spec, self._name, keep=count)

    def _call(self, images: torch.Tensor) -> Scores:
        try:
            if not self._networks:
                images = images.cpu()
            given = images.cpu().numpy() if self._target.spec.array == "numpy" else images
            return cast("Scores", self._target.score(given))
        except Exception as error:
            if not is_out_of_memory(error):
                self._raise_target_error(images, error)
            said = cause(error).split("\n", 1)[0]
        # Raised outside the handler: the traceback there would keep the failed call's memory.
        raise OutOfMemory(said)

    def _raise_target_error(self, images: torch.Tensor, error: Exception) -> NoReturn:
        if isinstance(error, NeatfoolError):
            raise error
        shape = "x".join(map(str, images.shape))
        raise TargetError(
            f"{self._name}: score() failed on {shape} images: {cause(error)}"
        ) from error


def _pad(images: torch.Tensor, missing: int) -> torch.Tensor:
    """Copy images, and repeat the last one ``missing`` times."""
    import torch

    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
