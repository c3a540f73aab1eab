"""Statistics of a service, as Triton's statistics extension has them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from neatfool.spec.json import Json


@dataclass
class Duration:
    """How often something was done, and how long that took in all.

    Attributes:
        count: How often.
        ns: Nanoseconds.
    """

    count: int = 0
    ns: int = 0

    def add(self, began: int, ended: int | None = None) -> None:
        """Add what began, and ended then or now, by ``time.perf_counter_ns``."""
        self.count += 1
        self.ns += (time.perf_counter_ns() if ended is None else ended) - began

    def to_json(self) -> Json:
        """Write it."""
        return {"count": self.count, "ns": self.ns}


@dataclass
class Statistics:
    """What was asked and answered so far.

    Attributes:
        images: Images that were scored for answers.
        calls: How often the target was called with all that waited.
        last: When a request came last, in milliseconds since 1970.
        success: Requests that were answered, from the whole header to the written answer.
        fail: Requests that were refused, or that the target failed of.
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
        """How many requests were answered."""
        return self.success.count

    def to_json(self, name: str, version: str) -> Json:
        """Write them as the statistics of a model."""
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
