"""Notices a run that scores much more slowly than its plan promised."""

from __future__ import annotations

import logging
import math
import statistics
from typing import TYPE_CHECKING, Final

from neatfool.scoring.measurements import forget_measurement

if TYPE_CHECKING:
    from neatfool.run.statistics import GenerationReport
    from neatfool.scoring.plan import Plan

_log = logging.getLogger("neatfool.scoring")

SECONDS: Final = 30.0
GENERATIONS: Final = 10
"""A span has at least so many seconds and generations. Its median counts, so that a machine that
slept in one of them does not."""
TOO_SLOW: Final = 1.5
"""Scoring takes this many times as long as promised: it is a third slower."""


class Pace:
    """Warns once if scoring is a third slower than promised; the next run then measures again."""

    def __init__(self, plan: Plan, name: str) -> None:
        self._plan = plan
        self._name = name
        # Very short calls take as long as Python needs, so they are promised nothing.
        self._watching = plan.parts > 1 and "fp32" in plan.speeds
        self._ratios: list[float] = []
        self._seconds = 0.0

    def add(self, images: int, report: GenerationReport) -> None:
        """Compare the scoring of a generation of so many images with the plan."""
        if not self._watching:
            return
        plan, stages = self._plan, report.stages
        promised = _padded(report.confirmed, plan.batch_size) / plan.speeds["fp32"]
        if plan.screening:
            promised += _padded(images, plan.screening_batch) / plan.speeds[plan.screening]
        # Breeding and drawing take cores meanwhile, but seldom more than half of them.
        others = min(stages.breeding + stages.rendering, stages.scoring / 2)
        self._ratios.append((stages.scoring - others) / promised)
        self._seconds += stages.scoring
        if self._seconds < SECONDS or len(self._ratios) < GENERATIONS:
            return
        if (slower := statistics.median(self._ratios)) > TOO_SLOW:
            self._watching = False
            forget_measurement(plan.measurement)
            _log.warning(
                "%s: scores %.1f times as slowly as when it was measured. Perhaps the machine is "
                "busier now; the next run measures again how to use it",
                self._name,
                slower,
            )
        self._ratios, self._seconds = [], 0.0


def _padded(images: int, batch: int) -> int:
    return math.ceil(images / batch) * batch
