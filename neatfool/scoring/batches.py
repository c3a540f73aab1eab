"""A target is asked in batches of one size, by one or more workers, and its answers are checked.

When memory runs out, batches are halved, and the current generation is scored again: so each
generation has one size, and the run records when it changed.
"""

import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from itertools import repeat
from typing import Any, TypeAlias

import numpy as np
import torch

from neatfool.errors import NeatfoolError, TargetError, blaming, cause, option
from neatfool.network.devices import OutOfMemory, is_out_of_memory, threads_with_cores
from neatfool.network.network import Form, in_form
from neatfool.scoring.checks import check_scores, saved_images
from neatfool.scoring.plan import ScoringPlan, part_size
from neatfool.spec.scores import Labels, Scores
from neatfool.spec.target import MultiView, Target

Timed: TypeAlias = tuple[Any, float]
"""Scores, or answers that :meth:`Batches.collect` makes scores of; and the seconds for them."""

_log = logging.getLogger("neatfool.scoring")


class Batches(ABC):
    """Has the parts of a generation scored: here, by an engine's workers, or by a paid service."""

    workers = 1
    """Calls at a time."""
    in_threads = False
    """Whether new images can be made while others are scored."""
    full = False
    """Whether the budget allows no further images in this generation."""
    spent = ""
    """Which budget is spent, so that images have no scores; empty if all have."""

    def __init__(self, target: Target, name: str, plan: ScoringPlan) -> None:
        self.name = name
        self.spec = target.spec
        self.views = target.number if isinstance(target, MultiView) else 1
        self.target = target
        self.plan = plan
        self.sizes = {False: plan.batch_size, True: plan.screening_batch}
        """Images a call when scores are recorded, and when screening."""
        self.halvings: list[list[int]] = []
        """[generation, exact, screening] for each generation where a size changed."""

    @property
    def device(self) -> str | None:
        """The kind of device that the target's networks compute on; None without networks."""
        return next((network.device.type for network in self.target.networks), None)

    @property
    def part_rule(self) -> tuple[int, int, int]:
        """What parts depend on: images a call, exact and screening, and how many parts."""
        return self.sizes[False], self.plan.screening_batch, self.plan.parts

    def begin(self) -> None:  # noqa: B027 - there may be nothing to do
        """Begin a generation."""

    @abstractmethod
    def submit(
        self, part: Any, *, screen: bool = False, answered: list[int] | None = None
    ) -> list[Future[Timed]]:
        """Start to score images, or what stands for them."""

    def collect(self, submitted: Sequence[Future[Timed]]) -> tuple[Scores, float]:
        """Wait for scores; give them, and the time they take if all workers are always busy."""
        done = [future.result() for future in submitted]
        seconds = sum(taken for _, taken in done) / self.workers
        return self.concatenate([scores for scores, _ in done]), seconds

    def concatenate(self, parts: Sequence[Scores]) -> Scores:
        """Concatenate scores, of which all or none have logits."""
        logits = [part.logits for part in parts if part.logits is not None]
        if logits and len(logits) != len(parts):
            raise TargetError(f"{self.name}: gave logits for some batches only; give all or none")
        measures = [part.measures for part in parts if part.measures is not None]
        # Classes may have turned up in a later part.
        most = max(part.probs.shape[1] for part in parts)
        return Scores(
            probs=np.concatenate([_widened(part.probs, most) for part in parts]),
            logits=np.concatenate(logits) if logits else None,
            ok=np.concatenate([part.ok for part in parts if part.ok is not None]),
            alone=parts[0].alone,
            measures=np.concatenate(measures) if measures else None,
        )

    def with_classes(self, classes: Sequence[str]) -> None:
        """Use these classes, if they are more than before."""
        if len(classes) > len(self.spec.classes):
            self.spec = replace(self.spec, classes=tuple(classes))

    def pick(self, found: list[Any]) -> Any:
        """Copy some of a generation's images, uint8 [n, C, H, W], on their device."""
        return torch.stack(found)

    def saved(self, found: list[Any]) -> Sequence[np.ndarray]:
        """Give some of a generation's images to be saved, each uint8 [C, H, W]."""
        if found and found[0].device.type != "cpu":
            found = list(torch.stack(found).cpu())
        # On a CPU not copied: nearly all images of a first generation are saved.
        return [saved_images(image[None])[0].numpy() for image in found]

    def part_sizes(self, generation_size: int) -> Iterator[int]:
        """Choose how many candidates, in whole batches, to score at a time: part by part."""
        return repeat(part_size(generation_size, *self.part_rule))

    def halve(self, *, screen: bool, cause: str) -> None:
        """Halve the size of calls that ran out of memory, and warn the first time."""
        size, planned = self.sizes[screen], [self.plan.batch_size, self.plan.screening_batch]
        if size == 1:
            advice = f"compute elsewhere (perhaps {option('target', 'device')} = cpu)"
            fault = f"out of memory with a single image ({cause}); free some memory"
            raise TargetError(f"{self.name}: {fault}, or {advice}")
        if [*self.sizes.values()] == planned:
            _log.warning(
                "%s: out of memory with %d images a call (%s); the run goes on with %d, or fewer "
                "if need be, and records it",
                *(self.name, size, cause, size // 2),
            )
        self.sizes[screen] = size // 2
        for network in self.target.networks:
            network.forget()

    def record(self, generation: int) -> None:
        """Note the sizes that a generation was scored with, if they changed."""
        sizes, planned = [*self.sizes.values()], [self.plan.batch_size, self.plan.screening_batch]
        if sizes != (self.halvings[-1][1:] if self.halvings else planned):
            self.halvings.append([generation, *sizes])

    def restore(self, halvings: Sequence[Sequence[int]]) -> None:
        """Restore the sizes that a run recorded."""
        self.halvings[:] = map(list, halvings)
        for _, *sizes in self.halvings[-1:]:
            self.sizes.update(zip(self.sizes, sizes, strict=True))

    def close(self) -> None:
        """Close the target."""
        with blaming(self.name):
            self.target.close()


class LocalBatches(Batches):
    """This process asks the target: in threads if it names its networks, else where it was made."""

    def __init__(self, target: Target, name: str, plan: ScoringPlan) -> None:
        super().__init__(target, name, plan)
        self._threads: ThreadPoolExecutor | None = None
        # Without networks, perhaps only the thread that made the target may call it.
        if target.networks:
            self._threads = threads_with_cores("neatfool-score", plan.threads, plan.workers)
            self.workers, self.in_threads = plan.workers, True

    def submit(
        self, part: torch.Tensor, *, screen: bool = False, answered: list[int] | None = None
    ) -> list[Future[Timed]]:
        """Start to score images, in one task for each batch if several workers share them."""
        size = self.sizes[screen]
        # A thread waits for Python's lock at the end of each task, so there are few tasks.
        each = size if self.workers > 1 else len(part)
        tasks = [part[start : start + each] for start in range(0, len(part), each)]
        if self._threads is not None:
            form = self.plan.form(screen=screen)
            submit = self._threads.submit
            return [submit(self._score_in_form, form, task, size, answered) for task in tasks]
        done: Future[Timed] = Future()
        try:
            done.set_result(self._score_timed(tasks[0], size, answered))
        except OutOfMemory as error:
            done.set_exception(error)
        return [done]

    def close(self) -> None:
        """Finish the running calls, cancel the others, and close the target."""
        if self._threads is not None:
            self._threads.shutdown(cancel_futures=True)
        super().close()

    def _score_in_form(self, form: Form, *task: Any) -> Timed:
        with in_form(self.target.networks, form):
            return self._score_timed(*task)

    def _score_timed(self, images: torch.Tensor, size: int, answered: list[int] | None) -> Timed:
        began = time.perf_counter()
        batches = []
        for start in range(0, len(images), size):
            batch = images[start : start + size]
            # A copy, in which the last image fills the batch: a target that writes to its images
            # must not change those that are saved, or scored again.
            padding = batch[-1:].expand(size - len(batch), *batch.shape[1:])
            answer = self._call(torch.cat([batch, padding]))
            scores = self._check(answer, size)
            batches.append(scores.part(slice(len(batch))))
            if answered is not None:
                answered.append(len(batch) * self.views)
        return self.concatenate(batches), time.perf_counter() - began

    def _check(self, answer: Any, size: int) -> Scores:
        if not isinstance(answer, Labels):
            return check_scores(answer, size, self.spec, self.name)
        from neatfool.budget import read_answers, write_answers
        from neatfool.scoring.labels import check_labels

        labels, classes = check_labels(answer, size, self.spec, self.name), [*self.spec.classes]
        scores = read_answers(write_answers(labels), classes, self.spec)
        self.with_classes(classes)
        return scores

    def _call(self, images: torch.Tensor) -> Any:
        try:
            if self._threads is None:
                images = images.cpu()
            given = images.cpu().numpy() if self.spec.array == "numpy" else images
            return self.target.score(given)
        except (Exception, SystemExit) as error:
            if not is_out_of_memory(error):
                if isinstance(error, NeatfoolError):
                    raise
                fault = f"score() failed on {'x'.join(map(str, images.shape))} images"
                raise TargetError(f"{self.name}: {fault}: {cause(error)}") from error
            message = cause(error).split("\n", 1)[0]
        # Raised outside the handler: the traceback there would keep the failed call's memory.
        raise OutOfMemory(message)


def _widened(scores: np.ndarray, classes: int) -> np.ndarray:
    more = classes - scores.shape[1]
    return np.pad(scores, ((0, 0), (0, more))) if more else scores
