"""The elites of a run whose images are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from neatfool import choose_elites

if TYPE_CHECKING:
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


def choose(run: Run, **which: Any) -> Chosen:
    """Choose elites of a run, as :func:`neatfool.choose_elites` does."""
    elites = choose_elites(run, **which)
    images = torch.from_numpy(np.stack([elite.saved_pixels() for elite in elites]))
    return Chosen(run, elites, images)
