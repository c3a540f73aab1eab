"""A target is asked in batches of one size, by one or more workers, and its answers are checked.

A network's scores depend on the batch size in their last bits, so the last batch is padded. When
memory runs out, batches are halved, and the current generation is scored again: so each generation
has one size, and the run records when it changed.
"""

from __future__ import annotations

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from itertools import repeat
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import torch

from neatfool.errors import NeatfoolError, TargetError, blaming, cause, option
from neatfool.network.memory import OutOfMemory, is_out_of_memory
from neatfool.scoring.answers import check_scores
from neatfool.scoring.plan import part_size
from neatfool.scoring.viewed_target import saved, views_of
from neatfool.scoring.workers import Workers
from neatfool.spec.scores import Scores

if TYPE_CHECKING:
    from neatfool.scoring.plan import Plan
    from neatfool.spec.json import Json
    from neatfool.spec.target import Target

    Timed: TypeAlias = tuple[Any, float]
    """Scores, or answers that :meth:`Batches.collect` makes scores of; and the seconds for them."""

_log = logging.getLogger("neatfool.scoring")


class BatchSizes:
    """Images a call: ``exact`` when scores are recorded, ``screening`` when screening.

    Attributes:
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
        setattr(self, "screening" if screen else "exact", size)

    def halve(self, *, screen: bool, cause: str) -> None:
        """Halve the size of calls that ran out of memory, and warn the first time."""
        size = self.of(screen=screen)
        if size == 1:
            raise TargetError(
                f"{self._name}: out of memory with a single image ({cause}); free some memory, or "
                f"compute elsewhere (perhaps {option('target', 'device')} = cpu)"
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


class GenerationImages:
    """A generation's images; ``parts`` are uint8 [n, C, H, W] each, on the renderer's device."""

    def __init__(self) -> None:
        self.parts: list[Any] = []

    def pick(self, rows: Sequence[int] | np.ndarray) -> Any:
        """Copy some of the images, uint8 [n, C, H, W], on their device."""
        return torch.stack(self.find(rows)) if len(rows) else self.parts[0][:0]

    def saved(self, rows: Sequence[int]) -> Sequence[np.ndarray]:
        """Give some of the images to be saved, each uint8 [C, H, W]."""
        if all(part.device.type == "cpu" for part in self.parts):
            # Not copied: nearly all images of a first generation are saved.
            return [saved(image[None])[0].numpy() for image in self.find(rows)]
        return list(saved(self.pick(rows)).cpu().numpy())

    def find(self, rows: Sequence[int] | np.ndarray) -> list[Any]:
        """Give some of the images, not copied."""
        ends = np.cumsum([len(part) for part in self.parts])
        parts = np.searchsorted(ends, rows, side="right").tolist()
        starts = [0, *ends.tolist()]
        return [
            self.parts[part][int(row) - starts[part]] for row, part in zip(rows, parts, strict=True)
        ]


class Batches(ABC):
    """Has the parts of a generation scored: here, by an engine's workers, or by a paid service.

    Attributes:
        target: The target.
        name: What messages call it.
        plan: How it was decided to score.
        spec: The target's spec.
        views: How many views of an image are shown, each of which counts as an image.
        sizes: How many images a call has.
        devices: Devices that the target's networks compute on, at least 1.
        full: Whether the budget allows no further images in this generation.
        spent: Which budget is spent, so that images have no scores; empty if all have.
    """

    devices = 1
    full = False
    spent = ""

    def __init__(self, target: Target, name: str, plan: Plan) -> None:
        self.name = name
        self.spec = target.spec
        self.views = views_of(target)
        self.sizes = BatchSizes(name, plan)
        self.target = target
        self.plan = plan

    @property
    def workers(self) -> int:
        """Calls at a time."""
        return 1

    @property
    def in_threads(self) -> bool:
        """Whether new images can be made while others are scored."""
        return False

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on; None without networks."""
        return next((network.device.type for network in self.target.networks), None)

    def begin(self) -> GenerationImages:
        """Begin a generation, and make what takes its images."""
        return GenerationImages()

    @abstractmethod
    def submit(
        self, part: Any, *, screen: bool = False, first: int = 0, answered: list[int] | None = None
    ) -> list[Future[Timed]]:
        """Start to score a part of a generation.

        Args:
            part: uint8 [n, C, H, W], or what stands for such images.
            screen: Whether to screen them.
            first: The number of the first task in its generation.
            answered: A list that takes how many images each batch showed, once it is scored.

        Returns:
            For each task a future of its scores and the seconds that they took.
        """

    def collect(
        self, submitted: Sequence[Future[Timed]], look: Callable[[Scores], None] = lambda _: None
    ) -> tuple[Scores, float]:
        """Wait for scores.

        Args:
            submitted: What :meth:`submit` gave for the parts of a generation.
            look: Called with scores as they come, in order.

        Returns:
            The scores, and the time that they would take if all workers were always busy.

        Raises:
            OutOfMemory: Memory ran out.
            TargetError: The target failed, or some scores have logits and others do not.
        """
        parts, seconds = [], 0.0
        for future in submitted:
            scores, taken = future.result()
            parts.append(scores)
            seconds += taken / self.workers
            look(scores)
        return self.concatenate(parts), seconds

    def concatenate(self, parts: Sequence[Scores]) -> Scores:
        """Concatenate scores, of which all or none have logits."""
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self.name}: gave logits for some batches only; give all or none")
        return Scores(
            probs=np.concatenate([part.probs for part in parts]),
            logits=np.concatenate(logits) if logits else None,
            ok=np.concatenate([part.ok for part in parts if part.ok is not None]),
            alone=parts[0].alone,
        )

    def part_sizes(self, generation_size: int) -> Iterator[int]:
        """Choose how many candidates, in whole batches, to score at a time: part by part."""
        return repeat(part_size(generation_size, replace(self.plan, batch_size=self.sizes.exact)))

    def halve(self, *, screen: bool, cause: str) -> None:
        """Make batches smaller, as :meth:`BatchSizes.halve`, and free the networks' buffers."""
        self.sizes.halve(screen=screen, cause=cause)
        for network in self.target.networks:
            network.forget()

    def close(self) -> None:
        """Close the target."""
        with blaming(self.name):
            self.target.close()


class LocalBatches(Batches):
    """This process asks the target: in threads if it names its networks, else where it was made."""

    def __init__(self, target: Target, name: str, plan: Plan) -> None:
        super().__init__(target, name, plan)
        # Without networks, perhaps only the thread that made the target may call it.
        self._crew = (
            Workers("neatfool-score", target.networks, plan.threads, plan.workers)
            if target.networks
            else None
        )
        self.devices = self._crew.devices if self._crew is not None else 1

    @property
    def workers(self) -> int:
        """Calls at a time."""
        return self._crew.count if self._crew is not None else 1

    @property
    def in_threads(self) -> bool:
        """Whether there are threads."""
        return self._crew is not None

    def submit(
        self,
        part: torch.Tensor,
        *,
        screen: bool = False,
        first: int = 0,
        answered: list[int] | None = None,
    ) -> list[Future[Timed]]:
        """Start to score images, in one task for each batch if several workers share them."""
        size = self.sizes.of(screen=screen)
        # A thread waits for Python's lock at the end of each task, so there are few tasks.
        each = size if self.workers > 1 else len(part)
        tasks = [part[start : start + each] for start in range(0, len(part), each)]
        return [
            self._start(number, partial(self._score_timed, task, size, answered), screen=screen)
            for number, task in enumerate(tasks, first)
        ]

    def close(self) -> None:
        """End the workers, and close the target."""
        if self._crew is not None:
            self._crew.close()
        super().close()

    def _start(self, number: int, task: Callable[[], Timed], *, screen: bool) -> Future[Timed]:
        if self._crew is not None:
            form = self.plan.screen if screen else self.plan.exact
            return self._crew.submit(number, form, task)
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
            # A copy, padded or not: a target that writes to its images must not change those that
            # are saved, or scored again.
            answer = self._call(_pad(batch, size - len(batch)))
            batches.append(check_scores(answer, size, self.spec, self.name, keep=len(batch)))
            if answered is not None:
                answered.append(len(batch) * self.views)
        return self.concatenate(batches), time.perf_counter() - began

    def _call(self, images: torch.Tensor) -> Scores:
        try:
            if self._crew is None:
                images = images.cpu()
            given = images.cpu().numpy() if self.spec.array == "numpy" else images
            return cast("Scores", self.target.score(given))
        except Exception as error:
            if not is_out_of_memory(error):
                if isinstance(error, NeatfoolError):
                    raise
                shape = "x".join(map(str, images.shape))
                raise TargetError(
                    f"{self.name}: score() failed on {shape} images: {cause(error)}"
                ) from error
            message = cause(error).split("\n", 1)[0]
        # Raised outside the handler: the traceback there would keep the failed call's memory.
        raise OutOfMemory(message)


def _pad(images: torch.Tensor, missing: int) -> torch.Tensor:
    """Copy images, and repeat the last one ``missing`` times."""
    return torch.cat([images, images[-1:].expand(missing, *images.shape[1:])])
