"""Threads in which a target's networks compute, some for each device that holds replicas."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

from neatfool.network.network import in_form
from neatfool.network.threads import threads_with_cores

if TYPE_CHECKING:
    from neatfool.network.network import Form, Network

Result = TypeVar("Result")


def devices_of(networks: Sequence[Network]) -> int:
    """Count the devices that a target with these networks can compute on at once."""
    return min(len(network.devices) for network in networks)


class Workers:
    """Threads that make ``count`` calls at a time on ``devices`` devices."""

    def __init__(
        self, name: str, networks: Sequence[Network], cores: int | None, for_each_device: int = 1
    ) -> None:
        """Make threads; in each, torch uses ``cores``, or as many as elsewhere if None."""
        self.devices = devices_of(networks)
        self.count = self.devices * for_each_device
        self._networks = networks
        self._executors = [
            threads_with_cores(name, cores, for_each_device) for _ in range(self.devices)
        ]

    def submit(self, number: int, form: Form, task: Callable[[], Result]) -> Future[Result]:
        """Start a task that calls the target.

        Args:
            number: Its number, which decides the device. So no device's speed decides.
            form: The form that the networks compute in.
            task: Calls the target.
        """
        device = number % self.devices

        def call() -> Result:
            with in_form(self._networks, form, device):
                return task()

        return self._executors[device].submit(call)

    def close(self) -> None:
        """Finish the running tasks, cancel the others, and end the threads."""
        for executor in self._executors:
            executor.shutdown(cancel_futures=True)
