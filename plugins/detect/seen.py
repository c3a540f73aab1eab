"""Runs, as detectors see their images."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

import torch

from neatfool import ExperimentError, make_target, open_scorer, percent, require_trust

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import ExitStack

    from neatfool import EliteView, Run, Target

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

    @property
    def median_in_words(self) -> str:
        """The same, with all its nines."""
        return percent(self.median, float(median(elite.rank for elite in self.elites)))


def open_network(run: Run, ending: ExitStack) -> tuple[str, Target]:
    """Load the network that a run fooled, without a guard that it may have had.

    Args:
        run: The run.
        ending: Closes the network.

    Returns:
        A text that is the same for equal networks, and the network.

    Raises:
        ExperimentError: It costs something to ask.
        NeatfoolError: It cannot be loaded.
    """
    if run.requests:
        raise ExperimentError(
            f"{run.path}: its target costs something to ask, and detectors would ask it about all "
            "familiar images. Export its images, and look at them with a network of your own"
        )
    require_trust(run)
    if guard_of(run):
        target = make_target(run.experiment["target"]["guards"])
        ending.callback(target.close)
    else:
        scorer = open_scorer(run)
        ending.callback(scorer.close)
        target = scorer.target
    return target.fingerprint() or str(run.info["target"]["fingerprint"]), target


def images_of(elites: Sequence[EliteView]) -> torch.Tensor:
    """Give elites' images as they were saved, uint8 [N, C, H, W]."""
    return torch.stack([torch.from_numpy(elite.saved_pixels().copy()) for elite in elites])


def guard_of(run: Run) -> str | None:
    """Give the detector that guards a run's target; None if there is none."""
    target = run.experiment["target"]
    return str(target["detector"]) if target["plugin"] == "guarded" else None
