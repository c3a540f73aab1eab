"""The elites of a run whose images are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from neatfool import RunError, decode_png, derive_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from neatfool import EliteView, Run


@dataclass(frozen=True)
class Chosen:
    """Elites of a run, in the order of their classes.

    Attributes:
        run: The run.
        elites: The elites, at least one.
        images: Their images as they were saved, uint8 [N, C, H, W].
    """

    run: Run
    elites: list[EliteView]
    images: torch.Tensor

    def __len__(self) -> int:
        """Count them."""
        return len(self.elites)


def choose(
    run: Run,
    *,
    classes: Sequence[str] = (),
    least: float = 0.0,
    sample: int | None = None,
    seed: int = 1,
) -> Chosen:
    """Choose elites of a run.

    Args:
        run: The run.
        classes: The names or indices of their classes; all if there are none.
        least: Their least recorded confidence.
        sample: How many to draw at random from those; all if absent.
        seed: The seed of the draw.

    Raises:
        ExperimentError: The target has no such class.
        RunError: No elite fits.
    """
    elites = [run.elite(name) for name in dict.fromkeys(classes)] if classes else run.elites
    if not elites:
        raise RunError(f"{run.path}: the run has no elites yet; let it go on for a while")
    sure = [elite for elite in elites if elite.confidence >= least]
    if not sure:
        most = max(elite.confidence for elite in elites)
        raise RunError(
            f"{run.path}: no elite has a confidence of {least:g} or more; the highest is "
            f"{most:.4g}: give a lower --least"
        )
    if sample is not None:
        sure.sort(key=lambda elite: derive_seed(seed, "survive", "sample", elite.index))
        sure = sorted(sure[:sample], key=lambda elite: elite.index)
    images = torch.from_numpy(np.stack([_read(elite) for elite in sure]))
    return Chosen(run, sure, images)


def _read(elite: EliteView) -> np.ndarray:
    try:
        return decode_png(elite.png)
    except ValueError as error:
        raise elite.damaged(error) from error
