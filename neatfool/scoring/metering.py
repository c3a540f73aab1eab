"""Targets that cost something to ask: the run's ledger keeps each answer as soon as it comes."""

import hashlib
import math
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import chain, repeat, takewhile
from pathlib import Path
from threading import Event
from typing import Any, Final

import numpy as np
import torch

from neatfool.budget import REFUSED, Ledger, read_answers, write_answers
from neatfool.errors import (
    BudgetSpent,
    NeatfoolError,
    PluginError,
    TargetError,
    TargetUnavailable,
    cause,
)
from neatfool.scoring.batches import Batches, Timed
from neatfool.scoring.checks import check_scores
from neatfool.scoring.labels import check_labels
from neatfool.scoring.plan import ScoringPlan
from neatfool.scoring.wrapped_targets import ViewedTarget
from neatfool.spec.scores import Labels, Scores
from neatfool.spec.target import Budget, Target


class MeteredBatches(Batches):
    """A target that costs something is asked about each image once, as far as a budget goes."""

    def __init__(self, target: Target, name: str, plan: ScoringPlan, budget: Budget | None) -> None:
        super().__init__(target, name, plan)
        self._viewed = target if isinstance(target, ViewedTarget) else None
        self._inner: Any = self._viewed.target if self._viewed else target
        self._size = min(plan.batch_size, target.batch_size or plan.batch_size)
        self._concurrency = max(1, target.concurrency)
        self._threads = ThreadPoolExecutor(self._concurrency, "neatfool-ask")
        self._failed = Event()
        self.recorded = 0  # answers that generations on the disk use
        self._use(Ledger(budget))
        self.begin()

    def _use(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._inner.meter(ledger)

    def open_ledger(self, database: Path) -> None:
        """Use the ledger in a run's database."""
        budget = self.ledger.budget
        self.ledger.close()
        self._use(Ledger(budget, database))

    def exhausted(self) -> str:
        """Say which budget is spent; empty if one more generation can be scored."""
        # It can, without a budget, with answers that no recorded generation uses.
        return "" if self.ledger.count() > self.recorded else self.ledger.shortage(1)

    def part_sizes(self, generation_size: int) -> Iterator[int]:
        """Score whole generations at once."""
        return repeat(generation_size)

    def begin(self) -> None:
        """Begin a generation, with what is left of the budget."""
        left = self.ledger.queries_left, self.ledger.requests_left
        self._queries, self._requests = (math.inf if each is None else each for each in left)
        self.full, self.spent = False, ""
        self._keys: list[bytes] = []
        self._under_way: set[bytes] = set()
        self._answers: dict[bytes, bytes] = {}

    def submit(
        self, part: torch.Tensor, *, answered: list[int] | None = None, **_: Any
    ) -> list[Future[Timed]]:
        """Ask about images without an answer, as far as the budget goes; give answers by key."""
        images = self._viewed.show(part) if self._viewed else part
        keys = [_key(image) for image in images.cpu().numpy()]
        self._keys += keys
        self._answers.update(self.ledger.answers(set(keys)))
        calls = []
        # A call's images must not depend on what a killed process has asked.
        for start in range(0, len(images), self._size):
            end = start + self._size
            new = {key: row for row, key in reversed([*enumerate(keys[start:end], start)])}
            rows = sorted(new[key] for key in new.keys() - self._under_way - self._answers.keys())
            # What the budget allows is reserved; retries may need more.
            afforded = rows[: int(min(len(rows), self._queries if self._requests else 0))]
            if self.full or not rows:
                continue
            self.full = len(afforded) < len(rows)
            if afforded:
                self._requests -= 1
                self._queries -= len(afforded)
                new_keys = [keys[row] for row in afforded]
                self._under_way.update(new_keys)
                some = images[afforded]
                calls.append(self._threads.submit(self._ask_and_keep, some, new_keys, answered))
        return calls

    def collect(self, submitted: Sequence[Future[Timed]]) -> tuple[Scores, float]:
        """Wait for scores, up to the first image that the budget left without an answer."""
        try:
            finish(submitted, self.stop)
        except BudgetSpent as error:
            self.spent = str(error)
        if self.full and not self.spent:
            self.spent = self.ledger.shortage(1)
        seconds = 0.0
        for each in submitted:
            if not each.cancelled() and not each.exception():
                answers, taken = each.result()
                self._answers.update(answers)
                seconds += taken / min(self._concurrency, len(submitted))
        kept = [self._answers[key] for key in takewhile(self._answers.__contains__, self._keys)]
        del kept[len(kept) - len(kept) % self.views :]
        if kept and not any(kept):
            # The service is out of order. A resumed run asks about these images again.
            self.ledger.forget(self._keys)
        return self._read(kept), seconds

    def score(self, images: torch.Tensor) -> Scores:
        """Ask about images, even if their answers are kept. Equal images are asked about once."""
        images = self._viewed.show(images) if self._viewed else images
        keys = [_key(image) for image in images.cpu().numpy()]
        rows = {key: row for row, key in enumerate(keys)}
        different = images[list(rows.values())]
        parts = [different[at : at + self._size] for at in range(0, len(different), self._size)]
        calls = [self._threads.submit(self._ask, part) for part in parts]
        finish(calls, self.stop)
        by_key = dict(zip(rows, chain.from_iterable(call.result() for call in calls), strict=True))
        return self._read([by_key[key] for key in keys])

    def ask_twice(self, image: torch.Tensor) -> tuple[Scores, list[str]]:
        """Ask about an image twice, and keep nothing; give both answers, and their classes."""
        shortage = self.ledger.shortage(2)
        if shortage or self.ledger.requests_left == 1:
            raise BudgetSpent(shortage or "a single request is left")
        answers = [self._threads.submit(self._call, image.clone()).result() for _ in range(2)]
        kept = [each for answer in answers for each in write_answers(answer)]
        classes = [*self.spec.classes]
        return read_answers(kept, classes, self._inner.spec), classes

    def stop(self) -> None:
        """Close the target, which ends its calls."""
        super().close()

    def close(self) -> None:
        """End all calls, and close the target and the ledger."""
        try:
            self.stop()
        finally:
            self._threads.shutdown(cancel_futures=True)
            self.ledger.close()

    def _read(self, kept: Sequence[bytes]) -> Scores:
        """Read answers, to all views of each image, as scores; add the classes that are new."""
        classes = list(self.spec.classes)
        scores = read_answers(kept, classes, self._inner.spec)
        self.with_classes(classes)
        if self._viewed is None:
            return scores
        each = range(self.views)
        return self._viewed.gather([scores.part(slice(n, None, self.views)) for n in each])

    def _ask_and_keep(
        self, images: torch.Tensor, keys: Sequence[bytes], answered: list[int] | None
    ) -> Timed:
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
        if answered is not None:
            answered.append(len(keys))
        return kept, time.perf_counter() - began

    def _ask(self, images: torch.Tensor) -> list[bytes]:
        kept = write_answers(self._call(images))
        refused = [row for row, answer in enumerate(kept) if answer == REFUSED]
        if refused:
            with suppress(BudgetSpent):
                again = write_answers(self._call(images[refused]))
                for row, answer in zip(refused, again, strict=True):
                    kept[row] = answer
        return kept

    def _call(self, images: torch.Tensor) -> Scores | Labels:
        given = images.cpu().numpy() if self.spec.array == "numpy" else images.cpu()
        debits = self.ledger.debits
        try:
            answer = self._inner.score(given)
        except NeatfoolError:
            raise
        except (Exception, SystemExit) as error:
            fault = f"score() failed on {len(images)} images: {cause(error)}"
            raise TargetError(f"{self.name}: {fault}") from error
        if self.ledger.debits == debits:
            fault = "score() returned without a debit from the ledger that meter() got"
            advice = "call ledger.debit(len(images)) before each request"
            raise PluginError(f"{self.name}: {fault}; {advice}")
        if isinstance(answer, Labels):
            return check_labels(answer, len(images), self.spec, self.name)
        return check_scores(answer, len(images), self.spec, self.name)


def finish(calls: Sequence[Future[Any]], stop: Callable[[], None]) -> None:
    """Wait for all calls, and raise the worst error; one that fails for good calls ``stop``."""
    waiting = wait(calls, return_when=FIRST_EXCEPTION).not_done
    for future in waiting:
        future.cancel()
    while True:
        ended = [future for future in calls if future.done() and not future.cancelled()]
        failures = [error for future in ended if (error := future.exception()) is not None]
        if not waiting or _WORST in map(_badness, failures):
            break
        waiting = wait(waiting, return_when=FIRST_EXCEPTION).not_done
    if waiting:
        stop()
        wait(waiting)  # They may fail because of the stop, which is not the error to report.
    if failures:
        raise max(failures, key=_badness)


class _NotAskedError(Exception):
    """A call did not start, because an earlier one failed."""


_HARMLESS: Final = (_NotAskedError, BudgetSpent, TargetUnavailable)
_WORST: Final = len(_HARMLESS)


def _badness(error: BaseException) -> int:
    return next((n for n, kind in enumerate(_HARMLESS) if isinstance(error, kind)), _WORST)


def _key(image: np.ndarray) -> bytes:
    shape = ",".join(map(str, image.shape)).encode()
    return hashlib.sha256(shape + b"\n" + image.tobytes()).digest()
