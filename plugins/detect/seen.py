"""Runs, as detectors see their images."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Run

    from .detection import Detection


@dataclass(frozen=True)
class Seen:
    """A run, and what detectors say of its images.

    Attributes:
        run: The run.
        elites: Its elites that were looked at.
        detection: What detectors say of them.
        guarded: The detector that guarded the run's target; None if there was none.
    """

    run: Run
    elites: Sequence[EliteView]
    detection: Detection
    guarded: str | None

    @property
    def median(self) -> float:
        """The median of the confidences that the run recorded."""
        return float(median(elite.confidence for elite in self.elites))


def images_of(elites: Sequence[EliteView]) -> torch.Tensor:
    """Give elites' images as they were saved, uint8 [N, C, H, W]."""
    return torch.stack([torch.from_numpy(elite.saved_pixels().copy()) for elite in elites])


def guard_of(run: Run) -> str | None:
    """Give the detector that guards a run's target; None if there is none."""
    target = run.experiment["target"]
    return str(target["detector"]) if target["plugin"] == "guarded" else None
