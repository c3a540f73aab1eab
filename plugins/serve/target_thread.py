"""A thread that makes and calls a target, because some targets allow only one thread."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from neatfool import Scores

    from .served import Served

MOST_TOGETHER: Final = 512
"""Waiting requests are scored together, up to this many images, so that fewer batches are padded.
With more, the first request would wait long."""
DURATIONS: Final = (
    *("success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit"),
)
"""What is timed, by the protocol's names: requests that were answered and those that were not, from
their header on; waiting for the target; reading; the target; writing; and nothing, without a cache.
"""


@dataclass
class Duration:
    """How often something was done, and how many nanoseconds that took in all."""

    count: int = 0
    ns: int = 0

    def add(self, began: int, ended: int | None = None) -> None:
        """Add a time span by ``time.perf_counter_ns``, which ends now by default."""
        self.count += 1
        self.ns += (time.perf_counter_ns() if ended is None else ended) - began


@dataclass
class Statistics:
    """What was asked and answered so far."""

    images: int = 0
    """Images in answered requests."""
    calls: int = 0
    """Calls of the target, each for all waiting requests."""
    last: int = 0
    """When the last request came, in milliseconds since 1970."""
    durations: dict[str, Duration] = field(
        default_factory=lambda: {name: Duration() for name in DURATIONS}
    )
    """How often each of :data:`DURATIONS` was, and how long it took."""

    def __getitem__(self, name: str) -> Duration:
        return self.durations[name]


@dataclass
class _Order:
    images: torch.Tensor
    scores: Future[Scores] = field(default_factory=Future)
    came: int = field(default_factory=time.perf_counter_ns)


class TargetThread:
    """Makes a target with ``make``, scores images in order, and closes the target."""

    def __init__(self, make: Callable[[], Served]) -> None:
        self.statistics = Statistics()
        self._make = make
        self._made: Future[Served] = Future()
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        # The program must be able to end while a call hangs.
        self._thread = Thread(target=self._work, name="neatfool-target", daemon=True)
        self._thread.start()

    def served(self) -> Served:
        """Wait until the target is made; raise the error if that failed."""
        return self._made.result()

    def submit(self, images: torch.Tensor) -> Future[Scores]:
        """Score uint8 [N, C, H, W]; a future cancelled in time skips them."""
        order = _Order(images)
        self._orders.put(order)
        return order.scores

    def stop(self, seconds: float) -> bool:
        """Close the target after its call; say whether that took less than ``seconds``."""
        self._orders.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            served = self._make()
        except BaseException as error:  # served() raises it
            self._made.set_exception(error)
            return
        self._made.set_result(served)
        try:
            while self._score_waiting(served):
                pass
        finally:
            served.scorer.close()

    def _score_waiting(self, served: Served) -> bool:
        """Score the waiting orders together; say whether to go on."""
        together: list[_Order] = []
        order = self._orders.get()
        while order is not None:
            if order.scores.set_running_or_notify_cancel():
                together.append(order)
            full = sum(len(each.images) for each in together) >= MOST_TOGETHER
            if full or self._orders.empty():
                break
            order = self._orders.get()
        if together:
            self._score(served, together)
        return order is not None

    def _score(self, served: Served, orders: Sequence[_Order]) -> None:
        """Score orders together; on failure score each alone, so only bad ones fail."""
        began = time.perf_counter_ns()
        try:
            scores = served.scorer.score(torch.cat([order.images for order in orders]))
        except Exception as error:
            if len(orders) == 1:
                orders[0].scores.set_exception(error)
            else:
                for order in orders:
                    self._score(served, [order])
            return
        ended, first = time.perf_counter_ns(), 0
        self.statistics.calls += 1
        for order in orders:
            last = first + len(order.images)
            self.statistics["queue"].add(order.came, began)
            self.statistics["compute_infer"].add(began, ended)
            order.scores.set_result(scores.part(slice(first, last)))
            first = last
