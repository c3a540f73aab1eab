"""The clock of a generation: how long each of its stages takes."""

from __future__ import annotations

import time
from collections import defaultdict

from neatfool.run.statistics import Stages


class StageClock:
    """Adds up the seconds of a generation's stages; ``elapsed`` is their sum."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.elapsed = 0.0
        self._last = time.perf_counter()

    def next(self) -> StageClock:
        """Give the next generation's clock, which starts at the last lap of this one."""
        clock = StageClock()
        clock._last = self._last
        return clock

    def skip(self) -> None:
        """Drop the time since the last lap."""
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since the last lap to a stage."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._seconds[stage] += seconds
        self.elapsed += seconds

    def stages(self, *, scoring: float) -> Stages:
        """Give the stages, with the target's own seconds, which may overlap with other stages."""
        return Stages(**{**self._seconds, "scoring": scoring}, elapsed=self.elapsed)
