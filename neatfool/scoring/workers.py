"""Threads in which a target's networks compute: some for each device that they have replicas on."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from neatfool.network.network import in_form
from neatfool.network.threads import threads_with_cores

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from types import TracebackType

    from neatfool.network.network import Form, Network

Result = TypeVar("Result")


def devices_of(networks: Sequence[Network]) -> int:
    """Count the devices that a target with these networks can compute on at once."""
    return min(len(network.devices) for network in networks)


class Workers:
    """Threads that call a target.

    Attributes:
        devices: How many devices they compute on.
        count: How many calls they make at a time.
    """

    def __init__(
        self, name: str, networks: Sequence[Network], cores: int | None, for_each_device: int = 1
    ) -> None:
        """Make the threads.

        Args:
            name: What they are called.
            networks: What the target computes with.
            cores: How many cores torch uses in each; None: as many as elsewhere.
            for_each_device: How many threads a device has.
        """
        self.devices = devices_of(networks)
        self.count = self.devices * for_each_device
        self._networks = networks
        self._executors = [
            threads_with_cores(name, cores, for_each_device) for _ in range(self.devices)
        ]

    def submit(self, number: int, form: Form, task: Callable[[], Result]) -> Future[Result]:
        """Begin a task.

        Args:
            number: Its number: the device follows from it, so that what is computed where does
                not depend on which is faster.
            form: The form that the networks compute in.
            task: Calls the target.
        """
        device = number % self.devices

        def there() -> Result:
            with in_form(self._networks, form, device):
                return task()

        return self._executors[device].submit(there)

    def shutdown(self) -> None:
        """End the threads, when they are done with what they are at; what waits is not begun."""
        for executor in self._executors:
            executor.shutdown(cancel_futures=True)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
