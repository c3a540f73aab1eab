"""Makes a GPU compute like a CPU: in full float32, with algorithms that do not vary."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


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


EXACT_CONVOLUTIONS: Final = SharedContext(
    partial(torch.backends.cudnn.flags, enabled=True, deterministic=True, allow_tf32=False)
)


def computing_on(device: torch.device) -> AbstractContextManager[object]:
    """Give the context to compute in on a device."""
    return _on_gpu(device) if device.type == "cuda" else nullcontext()


@contextmanager
def _on_gpu(device: torch.device) -> Iterator[None]:
    with torch.cuda.device(device), EXACT_CONVOLUTIONS:
        yield
