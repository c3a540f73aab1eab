"""What requests hold in memory, all together, and a body as it comes."""

import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock

from .errors import ServiceError


class MemoryBudget:
    """Counts the bytes that all requests hold; a request that wants too many is refused."""

    def __init__(self, most: int) -> None:
        """Let requests hold ``most`` bytes in all."""
        self._free = most
        self._lock = Lock()

    @contextmanager
    def share(self) -> Iterator[Callable[[int], None]]:
        """Give a function that says how many bytes a request holds from now on."""
        held = 0

        def hold(size: int) -> None:
            nonlocal held
            with self._lock:
                if (more := size - held) > self._free:
                    words = "the requests of others fill the memory; try again"
                    raise ServiceError(
                        f"{words}, or send fewer images a request", 503, retry_after="1"
                    )
                self._free -= more
                held = size

        try:
            yield hold
        finally:
            hold(0)


class BodyBuffer:
    """A body as it comes, in pages of its own, which go back to the system at once."""

    def __init__(self, most: int, hold: Callable[[int], None]) -> None:
        """Take the most bytes that it may have."""
        self.pages = mmap.mmap(-1, most)  # those that nothing was written to take no memory
        self.size = 0
        self._hold = hold

    def add(self, chunk: bytes) -> None:
        """Take what came next."""
        end = self.size + len(chunk)
        if end > len(self.pages):
            raise ServiceError(
                f"the body has more than {len(self.pages)} bytes; send fewer images a request, or "
                "raw bytes in place of JSON",
                413,
            )
        self._hold(end)
        self.pages[self.size : end] = chunk
        self.size = end
