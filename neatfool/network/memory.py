"""Recognises failures for lack of memory, whichever library reports them."""

from __future__ import annotations

from typing import Final

_WORDS: Final = (
    "out of memory",  # torch on a GPU
    "not enough memory",  # torch on a CPU
    "allocate memory",  # torch on a CPU, onnxruntime, the system
    "bad_alloc",  # C++
    "alloc_failed",  # cuDNN and cuBLAS
)


class OutOfMemory(Exception):  # noqa: N818 - no error yet: a smaller batch may fit
    """A call of a target ran out of memory. It holds the message, and none of the call's arrays."""


def is_out_of_memory(error: BaseException) -> bool:
    """Say whether an exception, or one that caused it, means that memory ran out."""
    found: BaseException | None = error
    while found is not None:
        if isinstance(found, MemoryError) or type(found).__name__ == "OutOfMemoryError":
            return True
        if any(words in str(found).casefold() for words in _WORDS):
            return True
        found = found.__cause__
    return False
