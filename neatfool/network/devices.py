"""The devices to compute on; a GPU computes like a CPU: in full float32, without variation."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Final

from neatfool.errors import ExperimentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    import torch


def pick_device(name: str = "auto") -> torch.device:
    """Find the device to compute on.

    Args:
        name: ``auto`` (the GPU if there is one), or torch's name of a device: ``cpu``, ``cuda``,
            ``cuda:1`` …

    Raises:
        ExperimentError: There is no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise ExperimentError(f"device = {name}: torch knows no such device") from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise ExperimentError(f"device = {name}: torch finds no such GPU; give auto or cpu")
    return device


def pick_devices(names: str = "auto") -> list[torch.device]:
    """Find the devices to compute on at the same time, all of one kind.

    Args:
        names: ``auto`` (all GPUs, or the CPU if there is none), ``cuda`` (all GPUs), or torch's
            names with commas between: ``cuda:0, cuda:2``.

    Raises:
        ExperimentError: There is no such device, or the devices are of several kinds.
    """
    import torch

    devices = [pick_device(name.strip()) for name in names.split(",")]
    kinds = {device.type for device in devices}
    if len(kinds) > 1:
        raise ExperimentError(
            f"device = {names}: different kinds of devices give different scores; keep "
            f"{' or '.join(sorted(kinds))}"
        )
    if kinds == {"cuda"} and names in {"auto", "cuda"}:
        return [torch.device("cuda", number) for number in range(torch.cuda.device_count())]
    return devices


class SharedContext:
    """A process-wide context that threads share: the first enters it, the last leaves it.

    If each thread entered its own, the first to leave would end it for all.
    """

    def __init__(self, make: Callable[[], AbstractContextManager[object]]) -> None:
        self._make = make
        self._lock = Lock()
        self._within = 0
        self._context: AbstractContextManager[object] = nullcontext()

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._context = self._make()
                self._context.__enter__()
            self._within += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._context.__exit__(None, None, None)


def _exact() -> AbstractContextManager[object]:
    import torch

    return torch.backends.cudnn.flags(enabled=True, deterministic=True, allow_tf32=False)


EXACT_CONVOLUTIONS: Final = SharedContext(_exact)


@contextmanager
def computing_on(device: torch.device) -> Iterator[None]:
    """Enter the context to compute in on a device."""
    if device.type != "cuda":
        yield
        return
    import torch

    with torch.cuda.device(device), EXACT_CONVOLUTIONS:
        yield
