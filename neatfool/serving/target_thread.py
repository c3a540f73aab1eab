"""A thread of its own for a target, which may be one that only the thread that made it may call."""

from __future__ import annotations

import queue
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Final

import torch

from neatfool.serving.statistics import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.serving.served import Served
    from neatfool.spec.scores import Scores

MOST_TOGETHER: Final = 512
"""Images: requests that wait are scored together, up to so many, so that fewer batches are padded;
with more the first of them would wait long."""


@dataclass
class _Order:
    images: torch.Tensor
    scores: Future[Scores] = field(default_factory=Future)
    came: int = field(default_factory=time.perf_counter_ns)


class TargetThread:
    """Makes a target, scores what is submitted, in order, and closes the target.

    Attributes:
        statistics: What was asked and answered; those of the target are kept here.
    """

    def __init__(self, make: Callable[[], Served]) -> None:
        """Begin.

        Args:
            make: Makes the target.
        """
        self.statistics = Statistics()
        self._make = make
        self._made: Future[Served] = Future()
        self._orders: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        # A target that is stuck in a call must not keep the program from its end.
        self._thread = Thread(target=self._work, name="neatfool-target", daemon=True)
        self._thread.start()

    def served(self) -> Served:
        """Wait for the target.

        Raises:
            NeatfoolError: It could not be made.
        """
        return self._made.result()

    def submit(self, images: torch.Tensor) -> Future[Scores]:
        """Have images scored, perhaps together with others'.

        Args:
            images: uint8 [N, C, H, W], which must not be changed any more.

        Returns:
            Their scores to be; if it is cancelled in time, they are not scored.
        """
        order = _Order(images)
        self._orders.put(order)
        return order.scores

    def stop(self, seconds: float) -> bool:
        """Close the target once the call under way is done; nothing may be submitted any more.

        Args:
            seconds: How long to wait for it.

        Returns:
            Whether it was done by then.
        """
        self._orders.put(None)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _work(self) -> None:
        try:
            served = self._make()
        except BaseException as error:  # told to whoever waits
            self._made.set_exception(error)
            return
        self._made.set_result(served)
        try:
            while self._score_waiting(served):
                pass
        finally:
            served.scorer.close()

    def _score_waiting(self, served: Served) -> bool:
        """Score what waits; say whether there is more to come."""
        together: list[_Order] = []
        order = self._orders.get()
        while order is not None:
            if order.scores.set_running_or_notify_cancel():
                together.append(order)
            full = sum(len(each.images) for each in together) >= MOST_TOGETHER
            if full or self._orders.empty():
                break
            order = self._orders.get()
        self._score(served, together)
        return order is not None

    def _score(self, served: Served, orders: Sequence[_Order]) -> None:
        """Score orders together; where that fails, each alone, so that only the guilty fails."""
        if not orders:
            return
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
        self.statistics.calls += 1
        ended = time.perf_counter_ns()
        first = 0
        for order in orders:
            last = first + len(order.images)
            self.statistics.queue.add(order.came, began)
            self.statistics.compute_infer.add(began, ended)
            order.scores.set_result(scores.part(slice(first, last)))
            first = last
