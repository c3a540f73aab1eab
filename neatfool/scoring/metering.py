"""Targets that cost something to ask, such as a service that charges for each image.

The run's ledger keeps each answer as soon as it arrives, so no image is paid for twice. Calls are
not padded. Several calls may run at once; the result does not depend on which ends first.
"""

from __future__ import annotations

import hashlib
import math
import time
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from threading import Event
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from neatfool.budget import kept_answers
from neatfool.budget.ledger import Ledger
from neatfool.errors import (
    BudgetSpent,
    NeatfoolError,
    PluginError,
    TargetError,
    TargetUnavailable,
    cause,
)
from neatfool.scoring.answers import check_labels, check_scores
from neatfool.scoring.generation_images import GenerationImages
from neatfool.spec.scores import Labels, Scores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy as np
    import torch

    from neatfool.budget.ledger import Budget

    Answered: TypeAlias = tuple[dict[bytes, bytes], float]
    """The answer about each image, by its key, and the seconds that the call took."""


def is_metered(target: Any) -> bool:
    """Say whether asking a target costs something."""
    return hasattr(target, "meter")


class MeteredTarget:
    """A target that costs something, with its ledger and the threads that ask it.

    Attributes:
        spec: The target's spec. New classes are added to it.
        viewed: Shows the target views of each image, which have answers of their own; or None.
        ledger: What was spent and answered, at first in memory.
        batch_size: The most images a call.
        concurrency: How many calls may run at once.
    """

    def __init__(self, target: Any, *, name: str, batch_size: int, budget: Budget) -> None:
        from neatfool.scoring.viewed_target import ViewedTarget

        self.spec = target.spec
        self.viewed = target if isinstance(target, ViewedTarget) else None
        self.batch_size = min(batch_size, getattr(target, "batch_size", None) or batch_size)
        self.concurrency = max(1, int(getattr(target, "concurrency", 1)))
        self._target: Any = self.viewed.target if self.viewed else target
        self._name = name
        self._threads = ThreadPoolExecutor(self.concurrency, "neatfool-ask")
        self._failed = Event()
        self._recorded = 0
        self._use(Ledger(budget))

    def _use(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._target.meter(ledger)

    def open_ledger(self, database: Path) -> None:
        """Use the ledger in a run's database."""
        budget = self.ledger.budget
        self.ledger.close()
        self._use(Ledger(budget, database))

    def exhausted(self) -> str:
        """Say which budget is spent; empty if one more generation can be scored.

        It can, without a budget, if the ledger has answers that no recorded generation uses.
        """
        shortage = self.ledger.shortage(1)
        return "" if shortage and self.ledger.count() > self._recorded else shortage

    def state(self) -> int:
        """Count the answers, to be recorded with a generation."""
        self._recorded = self.ledger.count()
        return self._recorded

    def restore(self, state: int) -> None:
        """Restore what :meth:`state` gave."""
        self._recorded = state

    def generation(self) -> MeteredScoring:
        """Start to score a generation."""
        return MeteredScoring(self)

    def score(self, images: torch.Tensor) -> Scores:
        """Ask about images, even if their answers are kept. Equal images are asked about once.

        Raises:
            BudgetSpent: The budget does not suffice.
            TargetError: As :meth:`neatfool.scoring.scorer.Scorer.score`.
        """
        images = self.viewed.show(images) if self.viewed else images
        keys = [_key(image) for image in images.cpu().numpy()]
        rows = {key: row for row, key in enumerate(keys)}
        different = images[list(rows.values())]
        size = self.batch_size
        parts = [different[start : start + size] for start in range(0, len(different), size)]
        calls = [self._threads.submit(self._ask, part) for part in parts]
        finish(calls, self.stop)
        kept = [each for answers in calls for each in answers.result()]
        by_key = dict(zip(rows, kept, strict=True))
        return self.scores([by_key[key] for key in keys])

    def ask_twice(self, image: torch.Tensor) -> tuple[Scores, list[str]]:
        """Ask about an image, uint8 [1, C, H, W], twice, and keep nothing.

        Returns:
            Both answers [2, K], and the classes that they name.

        Raises:
            BudgetSpent: The budget does not suffice.
            TargetError: As :meth:`score`.
        """
        shortage = self.ledger.shortage(2)
        if shortage or self.ledger.requests_left == 1:
            raise BudgetSpent(shortage or "a single request is left")
        answers = [self._threads.submit(self._call, image.clone()).result() for _ in range(2)]
        kept = [each for answer in answers for each in kept_answers.write(answer)]
        classes = [*self.spec.classes]
        return kept_answers.read(kept, classes, self._target.spec), classes

    def submit(self, images: torch.Tensor, keys: Sequence[bytes]) -> Future[Answered]:
        """Start a call; when its future is done, the ledger has the answers."""
        return self._threads.submit(self._ask_and_keep, images, keys)

    def scores(self, kept: Sequence[bytes]) -> Scores:
        """Read answers, to all views of each image, as scores; add the classes that are new."""
        classes = list(self.spec.classes)
        scores = kept_answers.read(kept, classes, self._target.spec)
        self.with_classes(classes)
        if viewed := self.viewed:
            each = range(viewed.number)
            return viewed.gather([scores.part(slice(n, None, viewed.number)) for n in each])
        return scores

    def with_classes(self, classes: Sequence[str]) -> None:
        """Use these classes, if they are more than before."""
        if len(classes) > len(self.spec.classes):
            self.spec = replace(self.spec, classes=tuple(classes))

    def stop(self) -> None:
        """Close the target, which ends its calls."""
        if close := getattr(self._target, "close", None):
            close()

    def close(self) -> None:
        """End all calls, and close the target and the ledger."""
        try:
            self.stop()
        finally:
            self._threads.shutdown(cancel_futures=True)
            self.ledger.close()

    def _ask_and_keep(self, images: torch.Tensor, keys: Sequence[bytes]) -> Answered:
        if self._failed.is_set():
            raise _NotAskedError
        began = time.perf_counter()
        try:
            answers = self._ask(images)
        except BaseException:
            self._failed.set()
            raise
        kept = dict(zip(keys, answers, strict=True))
        self.ledger.keep(kept)
        return kept, time.perf_counter() - began

    def _ask(self, images: torch.Tensor) -> list[bytes]:
        """Ask about images, and again about those without a usable answer if the budget allows.

        Returns:
            What to keep of each answer.
        """
        kept = kept_answers.write(self._call(images))
        refused = [row for row, answer in enumerate(kept) if answer == kept_answers.REFUSED]
        if refused:
            with suppress(BudgetSpent):
                again = kept_answers.write(self._call(images[refused]))
                for row, answer in zip(refused, again, strict=True):
                    kept[row] = answer
        return kept

    def _call(self, images: torch.Tensor) -> Scores | Labels:
        given: Any = images.cpu()
        if self.spec.array == "numpy":
            given = given.numpy()
        debits = self.ledger.debits
        try:
            answer = self._target.score(given)
        except NeatfoolError:
            raise
        except Exception as error:
            raise TargetError(
                f"{self._name}: score() failed on {len(images)} images: {cause(error)}"
            ) from error
        if self.ledger.debits == debits:
            raise PluginError(
                f"{self._name}: score() returned without a debit from the ledger that meter() got; "
                "call ledger.debit(len(images)) before each request"
            )
        if isinstance(answer, Labels):
            return check_labels(answer, len(images), self.spec, self._name)
        return check_scores(answer, len(images), self.spec, self._name)


class MeteredScoring:
    """Scores a generation's images with a target that costs something.

    Attributes:
        full: Whether the budget allows no further images.
        spent: Which budget is spent, so that images have no scores; empty if all have.
        seconds: The time that the target would take if all its threads were always busy.
        confirmed: How many images were scored.
        answered: The sizes of the finished calls.
    """

    def __init__(self, metered: MeteredTarget) -> None:
        self.images = GenerationImages()
        self.full = False
        self.spent = ""
        self.seconds = 0.0
        self.confirmed = 0
        self.answered: list[int] = []
        self._metered = metered
        ledger = metered.ledger
        self._queries = math.inf if ledger.queries_left is None else ledger.queries_left
        self._requests = math.inf if ledger.requests_left is None else ledger.requests_left
        self._keys: list[bytes] = []
        self._asked_keys: set[bytes] = set()
        self._answers: dict[bytes, bytes] = {}
        self._calls: list[Future[Answered]] = []

    def add(self, images: torch.Tensor) -> None:
        """Ask about those images that have no answer yet, as far as the budget goes.

        Args:
            images: uint8 [n, C, H, W], which must not change afterwards.
        """
        self.images.parts.append(images)
        if viewed := self._metered.viewed:
            images = viewed.show(images)
        size = self._metered.batch_size
        keys = [_key(image) for image in images.cpu().numpy()]
        self._keys += keys
        self._answers.update(self._metered.ledger.answers(set(keys)))
        # A call's images must not depend on what a killed process has asked.
        for start in range(0, len(images), size):
            self._start_call(images[start : start + size], keys[start : start + size])

    def cancel(self) -> None:
        """Cancel the calls that have not started; there will be no result."""
        for future in self._calls:
            future.cancel()

    def _start_call(self, images: torch.Tensor, keys: Sequence[bytes]) -> None:
        if self.full:
            return
        first = {key: row for row, key in reversed([*enumerate(keys)])}
        rows = [row for row, key in enumerate(keys) if first[key] == row and self._is_new(key)]
        affordable = self._take_affordable(rows)
        self.full = len(affordable) < len(rows)
        if affordable:
            asked = [keys[row] for row in affordable]
            self._asked_keys.update(asked)
            self._calls.append(self._metered.submit(images[affordable], asked))
            self._calls[-1].add_done_callback(lambda _: self.answered.append(len(asked)))

    def _take_affordable(self, rows: Sequence[int]) -> Sequence[int]:
        """Take the rows that the budget allows, and reserve it; retries may need more."""
        if not rows or not self._requests:
            return []
        afforded = rows[: int(min(len(rows), self._queries))]
        self._requests -= 1
        self._queries -= len(afforded)
        return afforded

    def _is_new(self, key: bytes) -> bool:
        return key not in self._asked_keys and key not in self._answers

    def result(self) -> Scores:
        """Wait for the scores.

        Returns:
            As :meth:`neatfool.scoring.scorer.Scorer.score`. If the budget did not suffice, the
            scores end before the first image without an answer.

        Raises:
            TargetError: The target failed or answered nonsense; its earlier answers are kept.
        """
        ledger = self._metered.ledger
        try:
            finish(self._calls, self._metered.stop)
        except BudgetSpent as error:
            self.spent = str(error)
        if self.full and not self.spent:
            self.spent = ledger.shortage(1)
        for each in self._calls:
            if not each.cancelled() and not each.exception():
                answers, seconds = each.result()
                self._answers.update(answers)
                self.seconds += seconds / min(self._metered.concurrency, len(self._calls))
        kept = self._collect_answers()
        views = self._metered.viewed.number if self._metered.viewed else 1
        del kept[len(kept) - len(kept) % views :]
        self.confirmed = len(kept) // views
        if kept and not any(kept):
            # The service is out of order. A resumed run asks about these images again.
            ledger.forget(self._keys)
        return self._metered.scores(kept)

    def _collect_answers(self) -> list[bytes]:
        """Give the answers in order, up to the first image without one."""
        kept: list[bytes] = []
        for key in self._keys:
            if (answer := self._answers.get(key)) is None:
                break
            kept.append(answer)
        return kept


def finish(calls: Sequence[Future[Any]], stop: Callable[[], None]) -> None:
    """Wait for all calls. Once one fails, those that have not started are cancelled.

    Args:
        calls: Futures of the calls.
        stop: Called if a call fails for good, so that the others stop trying.

    Raises:
        BudgetSpent: The budget did not suffice, and nothing worse happened.
        TargetUnavailable: The target could not be reached, and nothing worse happened.
        Exception: What the first call that failed for another reason raised.
    """
    waiting = wait(calls, return_when=FIRST_EXCEPTION).not_done
    for future in waiting:
        future.cancel()
    while WORST not in map(_badness, failures := _failures(calls)) and waiting:
        waiting = wait(waiting, return_when=FIRST_EXCEPTION).not_done
    if waiting:
        stop()
        wait(waiting)  # They may fail because of the stop, which is not the error to report.
    if failures:
        raise max(failures, key=_badness)


class _NotAskedError(Exception):
    """A call did not start, because an earlier one failed."""


WORST: Final = 2


def _badness(error: BaseException) -> int:
    if isinstance(error, _NotAskedError):
        return -1
    if isinstance(error, BudgetSpent):
        return 0
    return 1 if isinstance(error, TargetUnavailable) else WORST


def _failures(calls: Sequence[Future[Any]]) -> list[BaseException]:
    ended = [future for future in calls if future.done() and not future.cancelled()]
    return [error for future in ended if (error := future.exception()) is not None]


def _key(image: np.ndarray) -> bytes:
    shape = ",".join(map(str, image.shape)).encode()
    return hashlib.sha256(shape + b"\n" + image.tobytes()).digest()
