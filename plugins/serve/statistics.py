"""Statistics of a service, in the form of Triton's statistics extension."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Duration:
    """How often something was done, and how many nanoseconds that took in all."""

    count: int = 0
    ns: int = 0

    def add(self, began: int, ended: int | None = None) -> None:
        """Add a time span by ``time.perf_counter_ns``, which ends now by default."""
        self.count += 1
        self.ns += (time.perf_counter_ns() if ended is None else ended) - began

    def to_json(self) -> dict[str, Any]:
        """Write the count and the nanoseconds."""
        return {"count": self.count, "ns": self.ns}


@dataclass
class Statistics:
    """What was asked and answered so far.

    Attributes:
        images: Images in answered requests.
        calls: Calls of the target, each for all waiting requests.
        last: When the last request came, in milliseconds since 1970.
        success: Answered requests, from their header to their answer.
        fail: Refused requests, and those on which the target failed.
        queue: How long requests waited for the target.
        compute_input: How long reading requests took.
        compute_infer: How long the target took for a request and those scored with it.
        compute_output: How long writing answers took.
    """

    images: int = 0
    calls: int = 0
    last: int = 0
    success: Duration = field(default_factory=Duration)
    fail: Duration = field(default_factory=Duration)
    queue: Duration = field(default_factory=Duration)
    compute_input: Duration = field(default_factory=Duration)
    compute_infer: Duration = field(default_factory=Duration)
    compute_output: Duration = field(default_factory=Duration)

    @property
    def requests(self) -> int:
        """Answered requests."""
        return self.success.count

    def to_json(self, name: str, version: str) -> dict[str, Any]:
        """Write the statistics of a model."""
        durations = {key: each for key, each in vars(self).items() if isinstance(each, Duration)}
        stats = {key: each.to_json() for key, each in durations.items()}
        return {
            "name": name,
            "version": version,
            "last_inference": self.last,
            "inference_count": self.images,
            "execution_count": self.calls,
            "inference_stats": stats | {"cache_hit": Duration().to_json()},
            "batch_stats": [],
        }
