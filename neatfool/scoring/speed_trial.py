"""Measures how fast a target's networks are in each of their forms, on this machine."""

from __future__ import annotations

import logging
import statistics
import time
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import Form, in_form
from neatfool.network.threads import threads_with_cores, with_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from neatfool.network.network import Graph, Network
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.scoring")

SECONDS: Final = 0.15
"""Each way is timed for at least this long: enough to tell forms apart, and hardly noticed."""
FEWEST_CALLS: Final = 3


class SpeedTrial:
    """Times a target on noise; a network takes as long for any other image."""

    def __init__(self, target: Target, networks: Sequence[Network]) -> None:
        self._target = target
        self._networks = networks

    def computes(self, form: Form, batch: int) -> bool:
        """Try whether the networks can compute in a form."""

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

    def speed(self, form: Form, batch: int, threads: int, workers: int = 1) -> float:
        """Measure images a second.

        Args:
            form: How the networks compute.
            batch: Images a call.
            threads: Threads that torch uses in a call.
            workers: Calls at a time.
        """
        images = self._noise(batch)

        def call() -> None:
            with in_form(self._networks, form):
                self._target.score(images)

        with threads_with_cores("neatfool-trial", threads, workers) as executor:

            def round_of_calls() -> None:
                for done in [executor.submit(call) for _ in range(workers)]:
                    done.result()

            return workers * batch / _seconds(round_of_calls)

    def _noise(self, batch: int) -> Any:
        generator = torch.Generator().manual_seed(0)
        shape = (batch, *self._target.spec.shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images if self._target.spec.array == "torch" else images.numpy()


def _seconds(call: Callable[[], None]) -> float:
    """Give the median time of some calls; a first one does not count."""
    call()
    seconds: list[float] = []
    while sum(seconds) < SECONDS or len(seconds) < FEWEST_CALLS:
        began = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)
