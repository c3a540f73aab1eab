"""Python's collector of reference cycles, run less often.

A generation makes tens of thousands of genes. They hold no cycles and are freed without the
collector, but they make it run, and then it searches the hundreds of thousands of objects of torch
and other libraries. In large generations that took half of the time.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

THRESHOLDS: Final = (100_000, 20, 20)
"""The arguments of ``gc.set_threshold``; Python's own are 700, 10 and 10."""


@contextmanager
def collected_rarely() -> Iterator[None]:
    """Collect less often inside the block, in all threads; larger thresholds stay as they are."""
    before = gc.get_threshold()
    # Zero turns the collector off.
    gc.set_threshold(
        *(own and max(own, ours) for own, ours in zip(before, THRESHOLDS, strict=True))
    )
    try:
        yield
    finally:
        gc.set_threshold(*before)
