"""Targets that cost something to ask, such as a service that is paid by the image.

Nothing is asked twice: an answer is kept in the run's ledger as soon as it is there, by the image
that it is about. A call is never filled up with images that nobody wants the scores of. Several
calls may be under way at a time, and what comes of them does not depend on which ends first.
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
from neatfool.errors import BudgetSpent, NeatfoolError, PluginError, TargetError, TargetUnavailable
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
    """What was answered to each image, as it is kept, and the seconds that it took."""


def is_metered(target: Any) -> bool:
    """Say whether asking a target costs something."""
    return hasattr(target, "meter")


class MeteredTarget:
    """A target that costs something, with its ledger and the threads that ask it.

    Attributes:
        spec: The target's; its classes may become more.
        ledger: What was spent, and what was answered.
        batch_size: The most images a call.
        concurrency: How many calls at a time.
    """

    def __init__(self, target: Any, *, name: str, batch_size: int, budget: Budget) -> None:
        """Begin with a ledger in memory.

        Args:
            target: The target.
            name: What messages call it.
            batch_size: The most images a call.
            budget: What may be spent in all.
        """
        self.spec = target.spec
        self.batch_size = min(batch_size, getattr(target, "batch_size", None) or batch_size)
        self.concurrency = max(1, int(getattr(target, "concurrency", 1)))
        self._target = target
        self._name = name
        self._threads = ThreadPoolExecutor(self.concurrency, "neatfool-ask")
        self._failed = Event()
        self._recorded = 0
        self._use(Ledger(budget))

    def _use(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._target.meter(ledger)

    def open_ledger(self, database: Path) -> None:
        """Go on with the ledger of a run."""
        budget = self.ledger.budget
        self.ledger.close()
        self._use(Ledger(budget, database))

    def exhausted(self) -> str:
        """Say why nothing more can come of a run as it was recorded; empty if it can.

        Without a budget, answers can still be there that no recorded generation has.
        """
        shortage = self.ledger.shortage(1)
        return "" if shortage and self.ledger.count() > self._recorded else shortage

    def state(self) -> int:
        """Give how many answers there are when a generation is recorded."""
        self._recorded = self.ledger.count()
        return self._recorded

    def restore(self, state: int) -> None:
        """Go on from a state."""
        self._recorded = state

    def generation(self) -> MeteredScoring:
        """Begin to score a generation."""
        return MeteredScoring(self)

    def score(self, images: torch.Tensor) -> Scores:
        """Ask for the scores of images, whether they are known or not; of equal ones once.

        Raises:
            BudgetSpent: There is no budget for it.
            TargetError: As :meth:`neatfool.scoring.scorer.Scorer.score`.
        """
        keys = [_key(image) for image in images.cpu().numpy()]
        rows = {key: row for row, key in enumerate(keys)}
        different = images[list(rows.values())]
        size = self.batch_size
        parts = [different[start : start + size] for start in range(0, len(different), size)]
        begun = [self._threads.submit(self._asked, part) for part in parts]
        finish(begun, self.stop)
        kept = [each for answers in begun for each in answers.result()]
        by_key = dict(zip(rows, kept, strict=True))
        return self.scores([by_key[key] for key in keys])

    def ask_twice(self, image: torch.Tensor) -> tuple[Scores, list[str]]:
        """Ask about an image twice, and keep nothing of it: neither the answers nor new classes.

        Args:
            image: uint8 [1, C, H, W].

        Returns:
            Both answers [2, K], and the classes that they name.

        Raises:
            BudgetSpent: There is no budget for it.
            TargetError: As :meth:`score`.
        """
        shortage = self.ledger.shortage(2)
        if shortage or self.ledger.requests_left == 1:
            raise BudgetSpent(shortage or "a single request is left")
        answers = [self._threads.submit(self._answered, image.clone()).result() for _ in range(2)]
        kept = [each for answer in answers for each in kept_answers.write(answer)]
        classes = [*self.spec.classes]
        return kept_answers.read(kept, classes), classes

    def submit(self, images: torch.Tensor, keys: Sequence[bytes]) -> Future[Answered]:
        """Begin to ask for the scores of images; when the future is done, they are kept."""
        return self._threads.submit(self._ask_and_keep, images, keys)

    def scores(self, kept: Sequence[bytes]) -> Scores:
        """Read answers as scores of all classes, those that turn up with them included."""
        classes = list(self.spec.classes)
        scores = kept_answers.read(kept, classes)
        self.with_classes(classes)
        return scores

    def with_classes(self, classes: Sequence[str]) -> None:
        """Take over the classes that are known, of a target that has more and more."""
        if len(classes) > len(self.spec.classes):
            self.spec = replace(self.spec, classes=tuple(classes))

    def stop(self) -> None:
        """Close the target: what is under way ends."""
        if close := getattr(self._target, "close", None):
            close()

    def close(self) -> None:
        """End what is under way, and close target and ledger."""
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
            answers = self._asked(images)
        except BaseException:
            self._failed.set()
            raise
        kept = dict(zip(keys, answers, strict=True))
        self.ledger.keep(kept)
        return kept, time.perf_counter() - began

    def _asked(self, images: torch.Tensor) -> list[bytes]:
        """Ask about images, and once more about those whose answer cannot be used, if it may be.

        Returns:
            What is to be kept of each.
        """
        kept = kept_answers.write(self._answered(images))
        refused = [row for row, answer in enumerate(kept) if answer == kept_answers.REFUSED]
        if refused:
            with suppress(BudgetSpent):
                again = kept_answers.write(self._answered(images[refused]))
                for row, answer in zip(refused, again, strict=True):
                    kept[row] = answer
        return kept

    def _answered(self, images: torch.Tensor) -> Scores | Labels:
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
                f"{self._name}: score() failed on {len(images)} images: "
                f"{type(error).__name__}: {error}"
            ) from error
        if self.ledger.debits == debits:
            raise PluginError(
                f"{self._name}: score() returned without a debit from the ledger that meter() was "
                "given; call ledger.debit(len(images)) before each request"
            )
        if isinstance(answer, Labels):
            return check_labels(answer, len(images), self.spec, self._name)
        return check_scores(answer, len(images), self.spec, self._name)


class MeteredScoring:
    """A generation's images being scored by a target that costs something.

    Attributes:
        images: The images.
        full: Whether no further images can be scored, because there is no budget for them.
        spent: Why not, or why some that were begun could not be scored; empty if all is well.
        seconds: The time that the target took, if all its threads had always had work.
        confirmed: How many images were scored.
        answered: The sizes of the calls that have ended.
    """

    def __init__(self, metered: MeteredTarget) -> None:
        """Begin; use :meth:`MeteredTarget.generation`."""
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
        self._begun_with: set[bytes] = set()
        self._answers: dict[bytes, bytes] = {}
        self._begun: list[Future[Answered]] = []

    def add(self, images: torch.Tensor) -> None:
        """Ask for the scores of images that nobody asked for yet, as far as the budget goes.

        Args:
            images: uint8 [n, C, H, W], which must not be changed any more.
        """
        self.images.add(images)
        size = self._metered.batch_size
        keys = [_key(image) for image in images.cpu().numpy()]
        self._keys += keys
        self._answers.update(self._metered.ledger.answers(set(keys)))
        # What goes into one call must not depend on what a killed process asked already.
        for start in range(0, len(images), size):
            self._begin(images[start : start + size], keys[start : start + size])

    def cancel(self) -> None:
        """Do not ask for what is not being asked for yet; there is to be no result."""
        for future in self._begun:
            future.cancel()

    def _begin(self, images: torch.Tensor, keys: Sequence[bytes]) -> None:
        if self.full:
            return
        first = {key: row for row, key in reversed([*enumerate(keys)])}
        rows = [row for row, key in enumerate(keys) if first[key] == row and self._is_new(key)]
        affordable = self._afforded(rows)
        self.full = len(affordable) < len(rows)
        if affordable:
            asked = [keys[row] for row in affordable]
            self._begun_with.update(asked)
            self._begun.append(self._metered.submit(images[affordable], asked))
            self._begun[-1].add_done_callback(lambda _: self.answered.append(len(asked)))

    def _afforded(self, rows: Sequence[int]) -> Sequence[int]:
        """Choose those that there is budget for, and take it; retries may need more than that."""
        if not rows or not self._requests:
            return []
        afforded = rows[: int(min(len(rows), self._queries))]
        self._requests -= 1
        self._queries -= len(afforded)
        return afforded

    def _is_new(self, key: bytes) -> bool:
        return key not in self._begun_with and key not in self._answers

    def result(self) -> Scores:
        """Wait for the scores.

        Returns:
            As :meth:`neatfool.scoring.scorer.Scorer.score`; where the budget did not suffice for
            all images, those of the first ones, as far as there are scores.

        Raises:
            TargetError: The target failed or answered nonsense; what it answered before is kept.
        """
        ledger = self._metered.ledger
        try:
            finish(self._begun, self._metered.stop)
        except BudgetSpent as error:
            self.spent = str(error)
        if self.full and not self.spent:
            self.spent = ledger.shortage(1)
        for each in self._begun:
            if not each.cancelled() and not each.exception():
                answers, seconds = each.result()
                self._answers.update(answers)
                self.seconds += seconds / min(self._metered.concurrency, len(self._begun))
        kept = self._answered()
        self.confirmed = len(kept)
        if kept and not any(kept):
            # A service that is out of order: when the run goes on, they are asked for again.
            ledger.forget(self._keys)
        return self._metered.scores(kept)

    def _answered(self) -> list[bytes]:
        """Read the answers to the first images, up to the first that there is none to."""
        kept: list[bytes] = []
        for key in self._keys:
            if (answer := self._answers.get(key)) is None:
                break
            kept.append(answer)
        return kept


def finish(begun: Sequence[Future[Any]], stop: Callable[[], None]) -> None:
    """Wait until all calls have ended; once one fails, those that wait are not made.

    Args:
        begun: The calls.
        stop: Called when one fails in a way that waiting does not mend, so that the others need
            not go on trying.

    Raises:
        BudgetSpent: There was no budget for one of them, and nothing worse.
        TargetUnavailable: The target could not be reached by one of them, and nothing worse.
        Exception: What the first call that failed otherwise raised.
    """
    waiting = wait(begun, return_when=FIRST_EXCEPTION).not_done
    for future in waiting:
        future.cancel()
    while WORST not in map(_badness, failures := _failures(begun)) and waiting:
        waiting = wait(waiting, return_when=FIRST_EXCEPTION).not_done
    if waiting:
        stop()
        wait(waiting)  # They may fail of the stop itself, which is not the reason to tell.
    if failures:
        raise max(failures, key=_badness)


class _NotAskedError(Exception):
    """A call that was not made, because one before it has failed."""


WORST: Final = 2


def _badness(error: BaseException) -> int:
    if isinstance(error, _NotAskedError):
        return -1
    if isinstance(error, BudgetSpent):
        return 0
    return 1 if isinstance(error, TargetUnavailable) else WORST


def _failures(begun: Sequence[Future[Any]]) -> list[BaseException]:
    ended = [future for future in begun if future.done() and not future.cancelled()]
    return [error for future in ended if (error := future.exception()) is not None]


def _key(image: np.ndarray) -> bytes:
    shape = ",".join(map(str, image.shape)).encode()
    return hashlib.sha256(shape + b"\n" + image.tobytes()).digest()
