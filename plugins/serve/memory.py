"""What requests hold in memory, all together, and a body as it comes."""

import mmap
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Final

from .errors import ServiceError, too_long

PIECE: Final = 2**18
"""Bodies are unpacked in pieces of so many bytes."""


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
    """A body as it comes, unpacked, in pages of its own, which go back to the system at once."""

    def __init__(self, packing: str, length: int, most: int, hold: Callable[[int], None]) -> None:
        """Take its packing and its length in bytes, or 0 if that is unknown."""
        packed = packing != "identity"
        # Pages that nothing was written to take no memory.
        self.pages = mmap.mmap(-1, most if packed or not length else length)
        self.size = 0
        self._came, self._most, self._hold = 0, most, hold
        self._unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if packed else None

    def add(self, chunk: bytes) -> None:
        """Take what came next."""
        self._came += len(chunk)
        if self._came > self._most:
            raise too_long(self._most)
        if self._unpacking is None:
            self._append(chunk)
            return
        while chunk:
            if self._unpacking.eof:
                raise ServiceError("something follows the packed body")
            try:
                self._append(self._unpacking.decompress(chunk, PIECE))
            except zlib.error as error:
                raise ServiceError(f"the body cannot be unpacked: {error}") from None
            chunk = self._unpacking.unconsumed_tail or self._unpacking.unused_data

    def end(self) -> None:
        """Check that a packed body is complete."""
        if self._unpacking is not None:
            self._append(self._unpacking.flush())
            if not self._unpacking.eof:
                raise ServiceError("the packed body is not complete")

    def _append(self, plain: bytes) -> None:
        end = self.size + len(plain)
        if end > len(self.pages):
            raise too_long(self._most)
        self._hold(end)
        self.pages[self.size : end] = plain
        self.size = end
