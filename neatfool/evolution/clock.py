"""The clock of a generation: how long each of its stages takes."""

from __future__ import annotations

import time
from collections import defaultdict

from neatfool.run.statistics import Stages


class StageClock:
    """Adds up a generation's stages as they end.

    Attributes:
        elapsed: Seconds of all of them.
    """

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self.elapsed = 0.0
        self._last = time.perf_counter()

    def next(self) -> StageClock:
        """Give the clock of the next generation, which counts on from the last lap of this one."""
        clock = StageClock()
        clock._last = self._last
        return clock

    def skip(self) -> None:
        """Let the time since the last lap count for nothing."""
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        """Count the time since the last lap to a stage."""
        now = time.perf_counter()
        seconds, self._last = now - self._last, now
        self._seconds[stage] += seconds
        self.elapsed += seconds

    def stages(self, *, scoring: float) -> Stages:
        """Give the stages.

        Args:
            scoring: Seconds that the target took, of which some may have passed in other stages.
        """
        return Stages(**{**self._seconds, "scoring": scoring}, elapsed=self.elapsed)
