"""Python's collector of reference cycles, asked to look less often.

A generation makes tens of thousands of genes, which hold no cycles and are freed without it. But
Python counts them, and after so many looks through all that there is, torch's and other libraries'
hundreds of thousands of objects too: for large generations that took half of the time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS: Final = (100_000, 20, 20)
"""Objects more than there were that bring about a look at the youngest, and how many of these
bring about a look at those that are older, and at all; Python's own are 700, 10 and 10."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Look for cycles less often inside the block; where somebody wants it more rarely, so be it.

    It is for the whole process, all threads.
    """
    before = gc.get_threshold()
    # Nought turns the collector off.
    gc.set_threshold(
        *(own and max(own, ours) for own, ours in zip(before, THRESHOLDS, strict=True))
    )
    try:
        yield
    finally:
        gc.set_threshold(*before)
