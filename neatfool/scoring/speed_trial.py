"""Tries out the forms of a target's networks, and how long each takes on this machine."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any, Final

import torch

from neatfool.network.memory import is_out_of_memory
from neatfool.network.network import Form, in_form
from neatfool.network.threads import with_cores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool.network.network import Graph, Network
    from neatfool.spec.target import Target

_log = logging.getLogger("neatfool.scoring")

ROUNDS: Final = 5
"""Calls are timed in turn, so often: what disturbs the machine for a moment disturbs no choice."""


class SpeedTrial:
    """Times a target on noise; a network takes as long for any other image."""

    def __init__(self, target: Target, networks: Sequence[Network]) -> None:
        self._target = target
        self._networks = networks
        self._tried: set[tuple[Form, int]] = set()

    def computes(self, form: Form, batch: int) -> bool:
        """Try whether the networks can compute in a form."""
        self._tried.add((form, batch))
        try:
            with_cores(1, lambda: self._call(form, self._noise(batch)))
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

    def seconds(self, calls: Sequence[tuple[Form, int]]) -> list[float]:
        """Measure what an image costs on one core: seconds of processor time, for each call.

        Args:
            calls: The form and the images of each call.
        """
        self._tried.update(calls)
        images = [self._noise(batch) for _, batch in calls]

        def time_all() -> list[float]:
            return [
                self._call(form, each) / batch
                for (form, batch), each in zip(calls, images, strict=True)
            ]

        with_cores(1, time_all)  # The first one also compiles.
        rounds = with_cores(1, lambda: [time_all() for _ in range(ROUNDS)])
        return [min(taken) for taken in zip(*rounds, strict=True)]

    def forget_all_but(self, *used: tuple[Form, int]) -> None:
        """Free the graphs that were only tried: each holds the network's weights once more.

        Args:
            used: The forms and batch sizes whose graphs stay.
        """
        for form, batch in self._tried.difference(used):
            for network in self._networks:
                network.forget_graphs(form, batch)

    def _call(self, form: Form, images: Any) -> float:
        """Call the target, and give the processor time that this thread took."""
        began = time.thread_time()
        with in_form(self._networks, form):
            self._target.score(images)
        return time.thread_time() - began

    def _noise(self, batch: int) -> Any:
        generator = torch.Generator().manual_seed(0)
        shape = (batch, *self._target.spec.shape)
        images = torch.randint(256, shape, generator=generator, dtype=torch.uint8)
        return images if self._target.spec.array == "torch" else images.numpy()
