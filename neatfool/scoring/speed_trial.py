"""Measures how fast a target's networks are in each of their forms, on this machine."""

from __future__ import annotations

import logging
import statistics
import time
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import torch

from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import Form, in_form
from neatfool.network.threads import threads_with_cores, with_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.network.network import Graph, Network
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.scoring")

ROUNDS: Final = 3
"""Ways are timed in turn, so often: what disturbs the machine for a moment strikes all of them."""
SECONDS: Final = 0.05
"""A round of a way takes at least this long: enough to tell ways apart, and hardly noticed."""


class Way(NamedTuple):
    """A way to score: the form of the networks, images a call, threads a call, calls at a time."""

    form: Form
    batch: int
    threads: int
    workers: int = 1


class SpeedTrial:
    """Times a target on noise; a network takes as long for any other image."""

    def __init__(self, target: Target, networks: Sequence[Network]) -> None:
        self._target = target
        self._networks = networks
        self._tried: set[tuple[Form, int]] = set()

    def computes(self, form: Form, batch: int) -> bool:
        """Try whether the networks can compute in a form."""
        self._tried.add((form, batch))

        def call() -> None:
            with in_form(self._networks, form):
                self._target.score(self._noise(batch))

        try:
            with_cores(1, call)
        except Exception as error:  # an error of the target itself will show in its own form
            if is_out_of_memory(error):
                return True  # A smaller batch may fit.
            who, what = type(self._target).__name__, type(error).__name__
            _log.info("%s does not compute in %s: %s: %s", who, form.precision, what, error)
            return False
        return True

    def graph(self, wanted: Graph, batch: int) -> Graph:
        """Give the wanted graph, or ``"frozen"`` if operations cannot be fused."""
        form = Form("fp32", wanted)
        if wanted != "fused" or not self.computes(form, batch):
            return wanted
        became = {graph for network in self._networks for graph in network.graphs(form)}
        # If memory ran out, nothing is known.
        return wanted if became <= {wanted} else "frozen"

    def compare(self, ways: Sequence[Way]) -> tuple[dict[Way, float], float]:
        """Time ways in turn, and give the images a second of each one's best round.

        Give also how noisy that was: by which share the best two rounds of a way differ, or which
        share of its time a lone call waits for a core, whichever is the most.
        """
        with ExitStack() as stack:
            timers = [self._timer(way, stack) for way in ways]
            rounds = [[timer() for timer in timers] for _ in range(ROUNDS)]
        speeds, noise = {}, 0.0
        for way, taken in zip(ways, zip(*rounds, strict=True), strict=True):
            (best, waited), (second, _), *_ = sorted(taken)
            speeds[way] = way.workers * way.batch / best
            noise = max(noise, second / best - 1.0, waited)
        return speeds, noise

    def forget_all_but(self, *used: tuple[Form, int]) -> None:
        """Free the graphs that were only tried: each holds the network's weights once more.

        Args:
            used: The forms and batch sizes whose graphs stay.
        """
        for form, batch in self._tried.difference(used):
            for network in self._networks:
                network.forget_graphs(form, batch)

    def _timer(self, way: Way, stack: ExitStack) -> Callable[[], tuple[float, float]]:
        """Give a function that times a way: the seconds of its calls, and the share of waiting."""
        self._tried.add((way.form, way.batch))
        images = self._noise(way.batch)
        threads = threads_with_cores("neatfool-trial", way.threads, way.workers)
        executor = stack.enter_context(threads)

        def call() -> float:
            began, computed = time.perf_counter(), time.thread_time()
            with in_form(self._networks, way.form):
                self._target.score(images)
            return time.perf_counter() - began - (time.thread_time() - computed)

        def calls() -> float:
            started = [executor.submit(call) for _ in range(way.workers)]
            return sum([each.result() for each in started])

        calls()  # The first one also compiles.
        # Several threads wait for each other, too.
        return partial(_seconds, calls, 1.0 if way.threads == way.workers == 1 else 0.0)

    def _noise(self, batch: int) -> Any:
        generator = torch.Generator().manual_seed(0)
        shape = (batch, *self._target.spec.shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images if self._target.spec.array == "torch" else images.numpy()


def _seconds(calls: Callable[[], float], counts: float) -> tuple[float, float]:
    """Give the median time of some calls, and the share of it that they waited, if it counts."""
    seconds: list[float] = []
    waited = 0.0
    while sum(seconds) < SECONDS:
        began = time.perf_counter()
        waited += calls()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds), counts * waited / sum(seconds)
